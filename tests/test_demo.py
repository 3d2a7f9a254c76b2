from dataclasses import replace
from pathlib import Path

import pytest
import torch
from browser import ARGUMENTS, find
from playwright.sync_api import sync_playwright

from palingen import demo, recipes


@pytest.fixture(scope="module")
def made(tmp_path_factory, few_digits):
    """The demo on few examples: everything it does, in seconds."""
    out = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        short = tuple(replace(run, epochs=1, samples=200, hidden=8) for run in recipes.DEMO_PALINDROMES)
        patch.setattr(recipes, "DEMO_PALINDROMES", short)
        # Enough steps on few images to draw two classes.
        small = replace(recipes.GAN["demo"], data=str(few_digits), epochs=60, batch_size=50)
        patch.setitem(recipes.GAN, "demo", small)
        result = demo.demo(out, torch.device("cpu"))
        again = demo.demo(out, torch.device("cpu"))
    return out, result, again


def test_the_demo_trains_both_laboratories_and_says_where_everything_is(made):
    _, result, _ = made
    assert [(run["cell"], run["length"]) for run in result["palindromes"]] == [
        ("rnn", 5), ("lstm", 5), ("rnn", 20), ("lstm", 20)
    ]  # fmt: skip
    assert result["interpolation"][0] != result["interpolation"][1]
    assert all(Path(file).exists() for file in [result["page"], *result["files"]])


def test_the_demo_run_again_does_nothing_twice(made):
    _, result, again = made
    assert again == result


def test_the_demos_page_shows_all_its_pictures_and_complains_of_nothing(made):
    out, *_ = made
    complaints, requests, chromium = [], [], find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto((out / "index.html").as_uri())
        widths = page.eval_on_selector_all("img", "images => images.map(image => image.naturalWidth)")
        words = page.inner_text("main")
        page.set_viewport_size({"width": 390, "height": 800})
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        browser.close()
    assert len(widths) == 4
    assert min(widths) > 500
    assert "right on unseen palindromes" in words
    assert complaints == []
    assert all(url.startswith(("file:", "data:")) for url in requests)
    assert overflow <= 0
