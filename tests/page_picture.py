"""Picture of the page in README, report and notebook: `python tests/page_picture.py` takes it again."""

import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from browser import ARGUMENTS, find
from memory_page import settle_memory
from PIL import Image
from playwright.sync_api import sync_playwright

from palingen.report.typst_inputs import TEMPLATE
from palingen.runtime.atomic_io import write_atomically
from palingen.web.memory.data import page_network, shipped_runs
from palingen.web.page import build_page

PICTURE = TEMPLATE / "memory-page.png"

VIEW = "#net=lstm&step=24"
"""The course's LSTM, near the end of a palindrome."""

SIZE = {"width": 1180, "height": 1000}

COLOURS = 256
"""Colours of the file: nobody sees the difference, and it is half as large."""


def take_picture(browser: Any, page_file: Path, view: str = VIEW) -> bytes:
    """PNG of the page's first panel."""
    context = browser.new_context(viewport=SIZE, color_scheme="light", bypass_csp=True)
    page = context.new_page()
    page.goto(page_file.as_uri() + view)
    page.wait_for_selector("#read-maps[data-painted]")
    settle_memory(page)
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    picture = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    context.close()
    buffer = BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def main() -> None:
    """Take the picture again."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "explorer.html"
        path.write_text(build_page([], [page_network(run) for run in shipped_runs()]))
        browser = playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        write_atomically(PICTURE, take_picture(browser, path))
        browser.close()
    print(PICTURE)


if __name__ == "__main__":
    main()
