import json

import numpy as np
import pytest
import torch
from support import ROOT

import palingen
from palingen.gan.config import GanConfig
from palingen.gan.sampling.interpolation import Interpolation
from palingen.recurrence import cells
from palingen.recurrence.analysis import RunAnalysis
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.layers import SequenceClassifier
from palingen.recurrence.palindromes import Palindromes
from palingen.report import figures
from palingen.runtime.errors import DataError
from palingen.workflows import notebook_display as notebook

RUNS = [
    {"kind": "result", "cell": cell, "length": length, "seed": seed, "accuracy": accuracy}
    for cell, length, seed, accuracy in (("lstm", 5, 0, 1.0), ("lstm", 5, 1, 0.5), ("rnn", 20, 0, 0.25))
]


def cells_of(markdown):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown._repr_markdown_().splitlines()]


def test_notebooks_get_these_functions_as_palingen_notebook():
    assert palingen.notebook is notebook


def test_a_table_has_the_given_columns_and_readable_numbers():
    shown = cells_of(notebook.table([{"a": 12345, "b": 0.123456, "c": True}], "b", "a", "c"))
    assert shown == [["b", "a", "c"], ["---", "---", "---"], ["0.123", "12,345", "True"]]


def test_the_accuracy_table_has_mean_minimum_and_maximum_of_each_length_and_cell():
    head, _, *rows = cells_of(notebook.accuracy_table(RUNS))
    assert head == ["T", "lstm", "rnn"]
    assert rows == [["5", "75.0 % (50.0 to 100.0), 2 seeds", ""], ["20", "", "25.0 %, 1 seed"]]


def test_the_accuracy_table_leaves_out_runs_that_diverged():
    diverged = {"cell": "rnn", "length": 20, "seed": 1, "accuracy": None, "stopped": "loss is no longer finite"}
    assert cells_of(notebook.accuracy_table([*RUNS, diverged])) == cells_of(notebook.accuracy_table(RUNS))


def test_the_results_of_a_folder_are_the_last_records_of_its_runs_shortest_palindromes_first(tmp_path):
    for number, run in enumerate(reversed(RUNS)):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "config.json").write_text("{}")
        (tmp_path / str(number) / "records.jsonl").write_text('{"kind": "epoch"}\n' + json.dumps(run) + "\n")
    assert notebook.load_results(tmp_path) == RUNS
    with pytest.raises(DataError, match="contains no runs"):
        notebook.load_results(tmp_path / "0")


def test_a_loaded_study_is_the_runs_of_its_file(tmp_path):
    study = json.loads((ROOT / "report" / "runs" / "memory" / "study.json").read_text())
    (tmp_path / "study.json").write_text(json.dumps(study))
    assert notebook.load_study(tmp_path) == study["runs"]


def test_a_small_study_trains_every_cell_at_every_length_and_replaces_earlier_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # all in this process, which has imported torch already
    config = PalindromeConfig(epochs=1, num_samples=200, hidden_size=4)
    weights = tmp_path / "gru-T5-seed0" / "weights.safetensors"
    written = []
    for _ in range(2):
        results = notebook.run_small_study(config, ("rnn", "gru"), (3, 5), 1, tmp_path)
        written.append(weights.stat().st_mtime_ns)
    assert {(run["cell"], run["length"], run["seed"]) for run in results} == {
        ("rnn", 3, 0), ("rnn", 5, 0), ("gru", 3, 0), ("gru", 5, 0)
    }  # fmt: skip
    assert written[0] < written[1]


def test_compared_configs_show_only_the_fields_that_differ():
    shown = cells_of(notebook.compare_configs({"one": GanConfig(), "two": GanConfig(epochs=3)}))
    assert shown == [["setting", "one", "two"], ["---", "---", "---"], ["`epochs`", "200", "3"]]


def test_settings_show_the_named_fields_with_their_values():
    assert cells_of(notebook.settings(GanConfig(), "epochs", "loss"))[2:] == [
        ["`epochs`", "200"],
        ["`loss`", "non-saturating"],
    ]


def test_the_source_shown_is_the_code_that_runs():
    shown = notebook.source(cells.lstm, SequenceClassifier.forward)
    assert "c = g * i + c * f  # (5)" in shown
    assert "\ndef forward(" in shown
    assert "background" in shown._repr_html_()


def test_the_parameter_counts_add_up_to_the_formula_of_the_lstm():
    model = SequenceClassifier("lstm", 1, 8, 10)
    *_, last = cells_of(notebook.parameters(model))
    assert last == ["total", "", str(4 * (8 * 1 + 8 * 8 + 8) + 10 * 8 + 10)]


def test_predictions_show_input_target_and_the_likeliest_class_with_its_probability():
    palindromes = Palindromes(torch.tensor([[4, 9, 3, 9, 4], [1, 2, 3, 2, 1]], dtype=torch.uint8))
    assert cells_of(notebook.predictions(palindromes, 1))[2:] == [["4 9 3 9", "4"]]
    model = SequenceClassifier("rnn", 1, 4, 10)
    torch.nn.init.zeros_(model.head.weight)
    model.head.bias.data = torch.tensor([0.0, 100.0, *[0.0] * 8])
    assert cells_of(notebook.predictions(palindromes, 2, model))[3] == ["1 2 3 2", "1", "1", "100.0 %"]


def analysis():
    norms = {"h": torch.tensor([0.1, 1.0]), "c": torch.tensor([0.5, 9.0])}
    return RunAnalysis(PalindromeConfig(length=3), [1, 2], {}, norms, {"h": torch.tensor([3.0, 1.0])})


def test_the_gradient_table_has_the_norm_at_the_first_step_over_that_at_the_last():
    assert cells_of(notebook.gradient_table({"lstm": analysis()}))[2] == ["lstm", "0.5", "3"]


def test_the_gradient_figure_has_one_curve_for_each_part_of_the_state():
    axes = [axes for axes in notebook.gates_and_gradients({"lstm": analysis()}).axes if axes.get_lines()]
    assert [len(before_or_after.get_lines()) for before_or_after in axes] == [2, 1]


def interpolation():
    pixels = torch.arange(9, dtype=torch.uint8).view(9, 1, 1).repeat(1, 28, 28)
    return Interpolation(pixels, [3] * 5 + [8] * 4, [1.0] * 8 + [0.5])


def test_the_endpoints_are_the_first_and_the_last_image():
    (ends,) = notebook.endpoints({"linear": interpolation()}).values()
    assert (ends.classes, ends.confidences, ends.pixels[:, 0, 0].tolist()) == ([3, 8], [1.0, 0.5], [0, 8])


def test_an_interpolation_is_shown_with_class_and_confidence_of_every_image():
    interpolations = {"linear": interpolation(), "spherical": interpolation()}
    assert cells_of(notebook.prediction_table(interpolations))[2][-1] == "8 (50.0 %)"
    images = [axes for axes in notebook.interpolation_figure(interpolations).axes if axes.images]
    assert len(images) == 18
    assert images[-1].get_xlabel() == "8 · 50 %"


def test_the_shipped_generator_makes_its_three_snapshots():
    snapshots = notebook.generate_snapshots("pretrained:course", count=2)
    assert {name: pixels.shape for name, pixels in snapshots.items()} == dict.fromkeys(
        ("start", "middle", "end"), (2, 28, 28)
    )
    black = {name: np.zeros_like(pixels) for name, pixels in snapshots.items()}
    assert cells_of(notebook.max_difference(snapshots, snapshots))[2] == ["0", "0", "0"]
    assert cells_of(notebook.max_difference(black, snapshots))[2][2] == str(snapshots["end"].max())


def test_the_last_row_of_the_score_table_is_the_floor_with_the_smallest_distance():
    _, _, course, floor = cells_of(notebook.score_table("course"))
    assert course[0] == "course"
    assert floor[0] == "real digits (floor)"
    assert float(floor[2]) < float(course[2])


def test_a_figure_displays_the_bytes_of_its_file(tmp_path):
    figure = figures.gan_curves([{"kind": "step", "epoch": n, "generator_loss": 1, "discriminator_loss": 1,
                                  "real_accuracy": 1, "fake_accuracy": 0} for n in range(3)])  # fmt: skip
    figures.save(tmp_path / "figure.png", figure)
    assert figure._repr_png_() == (tmp_path / "figure.png").read_bytes()
