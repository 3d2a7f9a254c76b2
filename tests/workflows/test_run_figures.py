import io
import json

import numpy as np
import torch
from PIL import Image
from support import ROOT

from palingen.gan.sampling.interpolation import Interpolation
from palingen.recurrence.analysis import analyze_run
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.train import train_palindrome
from palingen.workflows import run_figures

RUNS = ROOT / "report" / "runs"


def image(path):
    return Image.open(io.BytesIO(path.read_bytes()))


def test_an_interpolation_is_written_as_figure_strips_arrays_and_predictions(tmp_path):
    pixels = torch.arange(3, dtype=torch.uint8).view(3, 1, 1).repeat(1, 28, 28)
    interpolations = {"linear": Interpolation(pixels, [3, 3, 8], [1.0, 0.5, 0.75])}
    files = run_figures.interpolation_figures(tmp_path, interpolations)
    assert [file.name for file in files] == ["interpolation.png", "predictions.json", "linear.png", "linear.npy"]
    assert json.loads(files[1].read_text()) == {"linear": {"classes": [3, 3, 8], "confidences": [1.0, 0.5, 0.75]}}
    strip = np.asarray(image(files[2]))
    assert strip.shape == (4 * 28, 4 * (3 * 28 + 2 * 2))
    assert strip[0, -1] == 2
    assert np.array_equal(np.load(files[3]), pixels.numpy())


def test_an_analysis_is_written_as_figure_and_as_the_record_it_shows(tmp_path):
    train_palindrome(PalindromeConfig(length=4, epochs=1, num_samples=50, hidden_size=4), tmp_path / "run")
    analysis = analyze_run(tmp_path / "run")
    figure, span, record = run_figures.analysis_figure(tmp_path, {"lstm T = 4": analysis})
    assert (figure.name, span.name) == ("analysis.png", "memory_span.png")
    assert span.read_bytes().startswith(b"\x89PNG")
    assert json.loads(record.read_text()) == [analysis.as_record("lstm T = 4")]


def test_the_figures_of_finished_runs_and_studies_are_png_files_with_fixed_names(tmp_path):
    palindromes = {"lstm T = 5": RUNS / "palindromes" / "lstm-T5-seed0"}
    memory = json.loads((RUNS / "memory" / "study.json").read_text())["runs"]
    variants = json.loads((RUNS / "comparison" / "study.json").read_text())["runs"]
    written = [
        run_figures.palindrome_figure(tmp_path / "palindromes", palindromes),
        run_figures.study_figure(tmp_path, memory),
        *run_figures.gan_figures(tmp_path, RUNS / "gan-course"),
        run_figures.variants_figure(tmp_path, variants),
    ]
    assert [path.name for path in written] == [
        "curves.png", "accuracy_by_length.png", "snapshots.png", "curves.png", "variants.png"
    ]  # fmt: skip
    assert all(image(path).width > 500 for path in written)
