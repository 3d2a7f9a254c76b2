import json

import numpy as np
import pytest
import torch

from palingen import notebook
from palingen.adversarial.between import Walk
from palingen.adversarial.experiment import GanRun
from palingen.errors import DataError
from palingen.recurrence import cells
from palingen.recurrence.inside import Inside
from palingen.recurrence.network import Classifier
from palingen.recurrence.palindromes import Palindromes
from palingen.report import figures

RUNS = [
    {"kind": "result", "cell": cell, "length": length, "seed": seed, "accuracy": share}
    for cell, length, seed, share in (("lstm", 5, 0, 1.0), ("lstm", 5, 1, 0.5), ("rnn", 20, 0, 0.25))
]


def cells_of(words):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in words._repr_markdown_().splitlines()]


def test_a_table_has_the_columns_asked_for_and_readable_numbers():
    shown = cells_of(notebook.table([{"a": 12345, "b": 0.123456, "c": True}], "b", "a", "c"))
    assert shown == [["b", "a", "c"], ["---", "---", "---"], ["0.123", "12,345", "True"]]


def test_what_was_reached_is_the_mean_and_both_ends_of_each_length_and_cell():
    head, _, *rows = cells_of(notebook.reached(RUNS))
    assert head == ["T", "lstm", "rnn"]
    assert rows == [["5", "75.0 % (50.0 to 100.0), 2 seeds", ""], ["20", "", "25.0 %, 1 seed"]]


def test_the_results_of_a_folder_are_its_runs_last_records_the_shortest_first(tmp_path):
    for number, run in enumerate(reversed(RUNS)):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "records.jsonl").write_text('{"kind": "epoch"}\n' + json.dumps(run) + "\n")
    assert notebook.results(tmp_path) == RUNS
    with pytest.raises(DataError, match="no runs here"):
        notebook.results(tmp_path / "0")


def test_only_the_settings_that_differ_are_compared():
    shown = cells_of(notebook.compared({"one": GanRun(), "two": GanRun(epochs=3)}))
    assert shown == [["setting", "one", "two"], ["---", "---", "---"], ["`epochs`", "200", "3"]]


def test_the_source_shown_is_the_code_that_runs():
    shown = notebook.source(cells.lstm, Classifier.forward)
    assert "c = g * i + c * f  # (5)" in shown
    assert "\ndef forward(" in shown
    assert "background" in shown._repr_html_()


def test_the_weights_shown_add_up():
    model = Classifier("lstm", 1, 8, 10)
    *_, last = cells_of(notebook.weights(model))
    assert last == ["together", "", str(4 * (8 * 1 + 8 * 8 + 8) + 10 * 8 + 10)]


def test_answers_show_what_is_read_and_said():
    palindromes = Palindromes(torch.tensor([[4, 9, 3, 9, 4], [1, 2, 3, 2, 1]], dtype=torch.uint8))
    assert cells_of(notebook.answers(palindromes, 1))[2:] == [["4 9 3 9", "4"]]
    model = Classifier("rnn", 1, 4, 10)
    torch.nn.init.zeros_(model.readout.weight)
    model.readout.bias.data = torch.tensor([0.0, 100.0, *[0.0] * 8])
    assert cells_of(notebook.answers(palindromes, 2, model))[3] == ["1 2 3 2", "1", "1", "100.0 %"]


def test_the_gradient_kept_is_the_first_steps_over_the_last_ones():
    norms = {"h": torch.tensor([0.1, 1.0]), "c": torch.tensor([0.5, 9.0])}
    look = Inside(None, [1, 2], {}, norms, {"h": torch.tensor([3.0, 1.0])})
    assert cells_of(notebook.gradient_kept({"lstm": look}))[2] == ["lstm", "0.5", "3"]


def test_the_ends_of_a_walk_are_its_first_and_last_image():
    walk = Walk(
        torch.arange(9, dtype=torch.uint8).view(9, 1, 1).expand(9, 28, 28), [3] * 5 + [8] * 4, [1.0] * 8 + [0.5]
    )
    (two,) = notebook.ends({"linear": walk}).values()
    assert (two.classes, two.confidences, two.pixels[:, 0, 0].tolist()) == ([3, 8], [1.0, 0.5], [0, 8])
    assert cells_of(notebook.verdicts({"linear": walk}))[2][-1] == "8 (50.0 %)"


def test_the_shipped_generator_draws_its_three_moments():
    drawn = notebook.moments("pretrained:course", count=2)
    assert {name: pixels.shape for name, pixels in drawn.items()} == dict.fromkeys(
        ("start", "middle", "end"), (2, 28, 28)
    )
    black = {name: np.zeros_like(pixels) for name, pixels in drawn.items()}
    assert cells_of(notebook.difference(drawn, drawn))[2] == ["0", "0", "0"]
    assert cells_of(notebook.difference(black, drawn))[2][2] == str(drawn["end"].max())


def test_scores_end_with_the_floor():
    _, _, own, floor = cells_of(notebook.scores("course"))
    assert own[0] == "course"
    assert float(floor[2]) < float(own[2])


def test_a_figure_shows_itself_as_its_file(tmp_path):
    figure = figures.game_curves([{"kind": "step", "epoch": n, "generator_loss": 1, "discriminator_loss": 1,
                                   "real_accuracy": 1, "fake_accuracy": 0} for n in range(3)])  # fmt: skip
    figures.save(tmp_path / "figure.png", figure)
    assert figure._repr_png_() == (tmp_path / "figure.png").read_bytes()
