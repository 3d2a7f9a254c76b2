"""Find a Chromium for the browser tests; `python tests/browser.py` installs one where there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

EXECUTABLES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
MACOS_PATHS = (
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
"""Arguments of a headless browser that makes no requests of its own."""


def serious_findings(page: Any) -> list[tuple[str, list[str]]]:
    """Serious and critical findings of axe, each with its elements; asserts that axe has checked the page."""
    page.evaluate((Path(__file__).parent / "axe" / "axe.min.js").read_text())
    results = page.evaluate("axe.run().then(({ violations, passes }) => ({ violations, passes: passes.length }))")
    assert results["passes"] > 15
    return [
        (rule["id"], [node["html"] for node in rule["nodes"]])
        for rule in results["violations"]
        if rule["impact"] in ("serious", "critical")
    ]


def find() -> str | None:
    """Path of an installed Chromium, else of Playwright's own, else None."""
    from playwright.sync_api import sync_playwright

    installed = [path for name in EXECUTABLES if (path := shutil.which(name))]
    installed += [path for path in MACOS_PATHS if Path(path).exists()]
    if installed:
        return installed[0]
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def main() -> None:
    """Install a Chromium unless there is one."""
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
