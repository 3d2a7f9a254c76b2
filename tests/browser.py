"""Find a Chromium for the browser tests; `python tests/browser.py` installs one where there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""For a headless browser that talks to nobody."""


def serious_findings(page: Any) -> list[tuple[str, list[str]]]:
    """What axe finds on a page that bars somebody, each with the elements; and that it looked at something at all."""
    page.evaluate((Path(__file__).parent / "axe" / "axe.min.js").read_text())
    found = page.evaluate("axe.run().then(({ violations, passes }) => ({ violations, passes: passes.length }))")
    assert found["passes"] > 15
    return [
        (rule["id"], [node["html"] for node in rule["nodes"]])
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
    ]


def find() -> str | None:
    """The path of a Chromium: installed, or Playwright's own."""
    from playwright.sync_api import sync_playwright

    installed = [path for name in NAMES if (path := shutil.which(name))] + [p for p in PLACES if Path(p).exists()]
    if installed:
        return installed[0]
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def main() -> None:
    if find():
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "chromium"], check=True, env=quiet, stdout=subprocess.DEVNULL
        )
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)
    if not find():
        sys.exit("no browser could be installed; install Chromium or Chrome and try again")


if __name__ == "__main__":
    main()
