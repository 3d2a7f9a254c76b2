from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support import run_in
from tracker_logs import read_tensorboard

from palingen import recipes
from palingen.workflows.demo import demo


@pytest.fixture(scope="module")
def outcome(tmp_path_factory, few_digits):
    """Folder and result of the demo on few examples, and the result of the same call again."""
    out = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        short = tuple(replace(run, epochs=1, num_samples=200, hidden_size=8) for run in recipes.DEMO_PALINDROMES)
        patch.setattr(recipes, "DEMO_PALINDROMES", short)
        # Enough steps on few images to generate two classes.
        small = replace(recipes.GAN["demo"], data=str(few_digits), epochs=60, batch_size=50)
        patch.setitem(recipes.GAN, "demo", small)
        result = demo(out, torch.device("cpu"), trackers=["tensorboard"])
        repetition = demo(out, torch.device("cpu"))
        run = run_in(out, "demo", "--device", "cpu", "--out", out)  # finished, so that nothing is trained
        assert run.returncode == 0, run.stderr
        assert "lstm, T = 20" in run.stdout
    return out, result, repetition


def test_the_demo_trains_four_cells_and_a_gan_and_lists_files_that_exist(outcome):
    _, result, _ = outcome
    assert [(run["cell"], run["length"]) for run in result["palindromes"]] == [
        ("rnn", 5), ("lstm", 5), ("rnn", 20), ("lstm", 20)
    ]  # fmt: skip
    assert (result["gan"]["folder"] / "weights.safetensors").exists()
    assert result["interpolation"][0] != result["interpolation"][1]
    assert len(result["files"]) == 4
    assert all(Path(file).exists() for file in [result["page"], *result["files"]])
    for run in (*result["palindromes"], result["gan"]):
        assert read_tensorboard(run["folder"]).final["result/seconds"] == pytest.approx(run["seconds"])


def test_the_demo_repeats_no_finished_run(outcome):
    _, result, repetition = outcome
    assert repetition == result  # seconds of the training included


def test_the_page_of_the_demo_shows_every_figure_without_errors_requests_or_overflow(outcome, chromium):
    out, *_ = outcome
    errors, requests = [], []
    page = chromium.new_page()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((out / "index.html").as_uri())
    widths = page.eval_on_selector_all("img", "images => images.map(image => image.naturalWidth)")
    text = page.inner_text("main")
    page.set_viewport_size({"width": 390, "height": 800})
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.close()
    assert len(widths) == 4
    assert min(widths) > 500
    assert "accuracy on unseen palindromes" in text
    assert errors == []
    assert all(url.startswith(("file:", "data:")) for url in requests)
    assert overflow <= 0
