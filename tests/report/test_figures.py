from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from fake_records import analysis, palindrome_run, palindrome_study, strip, variant_results

from palingen.report import figures
from palingen.report.build import screen_figures
from palingen.report.figures.variants import PANELS

EPOCHS = palindrome_run("lstm", 5, [1 - 0.9 / epoch for epoch in range(1, 6)]).of("epoch")
STEPS = [
    {"kind": "step", "epoch": step / 10, "generator_loss": 1.0, "discriminator_loss": 2.0,
     "real_accuracy": 0.7, "fake_accuracy": 0.6}
    for step in range(1, 101)
]  # fmt: skip
IMAGES = np.zeros((25, 28, 28), np.uint8)


def lines(axes):
    return {line.get_label(): line.get_ydata() for line in axes.lines}


def test_palindrome_curves_show_percent_and_nats():
    accuracy, loss = figures.palindrome_curves({"lstm T = 5": EPOCHS}).axes
    assert lines(accuracy)["lstm T = 5"] == pytest.approx([100 * record["test_accuracy"] for record in EPOCHS])
    assert lines(loss)["lstm T = 5"] == pytest.approx([record["loss"] for record in EPOCHS])


def tick_labels(figure):
    """Texts beside the ticks of a figure, as they are drawn."""
    figure.draw_without_rendering()
    axes = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    return [label.get_text() for axis in axes for label in axis.get_ticklabels(which="both") if label.get_text()]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ((2.0, 0.03), {"10⁰", "10⁻¹"}),
        ((0.9, 0.3), {f"{factor} \N{MULTIPLICATION SIGN} 10⁻¹" for factor in (4, 6)}),
        ((1e-8, 1e-3), {"10⁻⁷", "10⁻³"}),
    ],
)
def test_a_logarithmic_axis_has_powers_of_ten_as_plain_text(losses, expected):
    epochs = [{**EPOCHS[0], "epoch": epoch, "loss": loss} for epoch, loss in enumerate(losses, 1)]
    labels = tick_labels(figures.palindrome_curves({"lstm": epochs}))
    assert expected <= set(labels)
    assert [label for label in labels if "$" in label or "\\" in label] == []


def test_no_tick_of_the_committed_figures_shows_markup(committed):
    for name, figure in screen_figures(committed).items():
        assert [label for label in tick_labels(figure) if "$" in label] == [], name


def test_a_cell_has_one_colour_and_its_further_runs_are_dashed():
    accuracy = figures.palindrome_curves({"lstm one": EPOCHS, "rnn": EPOCHS, "lstm two": EPOCHS}).axes[0]
    one, rnn, two = accuracy.lines[:3]
    assert one.get_color() == two.get_color() != rnn.get_color()
    assert one.get_linestyle() == rnn.get_linestyle() != two.get_linestyle()


def test_accuracy_by_length_draws_every_seed_and_the_mean():
    study = palindrome_study(("rnn", 5, 0.5, 1), ("rnn", 5, 1.0, 1), ("rnn", 10, 0.2, 1))
    (axes,) = figures.accuracy_by_length({"Study": study.runs}).axes
    assert lines(axes)["RNN"] == pytest.approx([75.0, 20.0])
    dots = [y for collection in axes.collections for _, y in collection.get_offsets()]
    assert sorted(dots) == pytest.approx([20.0, 50.0, 100.0])


def test_a_seed_that_diverged_is_a_cross_and_does_not_enter_the_mean():
    runs = palindrome_study(("rnn", 5, 0.5, 1), ("rnn", 5, 0.4, 1), ("rnn", 10, 0.2, 1)).runs
    runs[1]["accuracy"] = None
    (axes,) = figures.accuracy_by_length({"Study": runs}).axes
    assert lines(axes)["RNN"] == pytest.approx([50.0, 20.0])
    (cross,) = (line for line in axes.lines if line.get_label() == "RNN, 1 diverged")
    assert [*cross.get_xdata()] == [5]
    assert cross.get_marker() == "x"


def test_an_axis_that_does_not_start_at_zero_says_so():
    runs = {
        "low": palindrome_study(("rnn", 5, 0.5, 1)).runs,
        "high": palindrome_study(("rnn", 5, 0.96, 1)).runs,
    }
    low, high = figures.accuracy_by_length(runs).axes
    assert low.get_title(loc="left") == "low"
    assert low.get_ylim()[0] <= 0
    assert (high.get_title(loc="left"), high.get_ylim()[0]) == ("high (from 94 %)", 94)


@pytest.mark.parametrize(
    ("longest", "expected"),
    [(200, ["10", "50", "200"]), (10_000, ["10", "100", "1,000", "10,000"]), (100_000, ["20", "1,000", "100,000"])],
)
def test_labels_of_lengths_on_a_logarithmic_axis_do_not_touch(longest, expected):
    lengths = [length for length in (10, 20, 50, 100, 200, 1000, 10_000, 100_000) if length <= longest]
    study = palindrome_study(*(("lstm", length, 0.5, 1) for length in lengths))
    figure = figures.accuracy_by_length({"one": study.runs, "other": study.runs})
    figure.set_size_inches(6, 4)
    figure.draw_without_rendering()
    for axes in figure.axes:
        labels = [label for label in axes.get_xticklabels() if label.get_text()]
        boxes = [label.get_window_extent() for label in labels]
        assert [label.get_text() for label in labels] == expected
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_learning_curves_take_the_two_longest_lengths_and_any_number_of_seeds():
    runs = [palindrome_run("rnn", length, [0.1, 0.9], seed=seed) for length in (5, 10, 20) for seed in range(5)]
    titles = {axes.get_title(loc="left"): len(axes.lines) - 1 for axes in figures.learning_curves(runs).axes}
    assert titles == {"LSTM, T = 10": 0, "RNN, T = 10": 5, "LSTM, T = 20": 0, "RNN, T = 20": 5}


def test_gates_and_gradients_show_the_gates_of_the_first_cell_that_has_some():
    records = [
        analysis("rnn", [1e-6, 1.0], [1e-3, 1.0]),
        analysis("lstm", [0.0, 1.0], [1.0, 1.0], [[0.1, 0.2], [0.3, 0.4]]),
    ]
    figure = figures.gates_and_gradients(records)
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert titles == ["forget gate f(t)", "Gradient at step t, before training", "Gradient at step t, after training"]
    assert len(figures.gates_and_gradients(records[:1]).axes) == 2
    with pytest.raises(ValueError, match="none has gates"):
        figures.gates(records[:1])


def test_gates_and_gradients_of_a_long_sequence_stand_at_their_true_steps():
    record = analysis("lstm", [1e-9] * 3, [1e-2, 1e-1, 1.0], [[0.1], [0.2], [0.3]])
    figure = figures.gates_and_gradients([{**record, "steps": [1, 500, 999]}])
    gates, _, untrained, trained = figure.axes
    assert {"1", "500", "999"} == {label.get_text() for label in gates.get_xticklabels()}
    assert gates.get_xlabel() == "t (3 of 999 steps)"
    for axes in (untrained, trained):
        assert [list(line.get_xdata()) for line in axes.lines] == [[1, 500, 999]]


@pytest.mark.parametrize(
    ("loss", "weight", "levels"),
    [("minimax", 1.0, [-0.693, 1.386]), ("non-saturating", 0.5, [0.693, 0.693]), ("relativistic", 1.0, [0.693] * 2),
     ("wasserstein", 1.0, [0.0]), ({"path": "mine.py"}, 1.0, [])],
)  # fmt: skip
def test_the_curves_of_any_loss_are_inside_the_axes_with_its_own_levels_of_guessing(loss, weight, levels):
    records = [{"kind": "step", "epoch": epoch, "generator_loss": -2.0, "discriminator_loss": 1.0,
                "real_accuracy": 0.5, "fake_accuracy": 0.5} for epoch in (0.1, 0.2)]  # fmt: skip
    axes = figures.gan_curves(records, loss=loss, loss_weight=weight).axes[0]
    drawn = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == ":"]
    assert drawn == pytest.approx(levels, abs=1e-3)
    assert axes.get_ylim()[0] < -2


def test_the_memory_span_is_drawn_over_distances_and_lengths_with_separators():
    record = analysis("lstm", [1e-9] * 3, [1e-20, 1e-3, 1.0])
    recall = [{"length": length, "palindromes": 200, "accuracy": 1.0} for length in (4, 10_000, 100_000)]
    figure = figures.memory_span([{**record, "steps": [1, 40_000, 99_999], "recall": recall}])
    assert figures.png(figure).startswith(b"\x89PNG")
    gradient, accuracy = figure.axes
    assert lines(gradient)["lstm T = 4"] == pytest.approx([1e-3])  # what hardly arrives is not drawn
    assert lines(accuracy)["lstm T = 4"] == pytest.approx([100.0] * 3)
    assert "10,000" in {label.get_text() for label in accuracy.get_xticklabels()}


def test_gan_curves_show_both_networks():
    losses, accuracy = figures.gan_curves(STEPS).axes
    assert lines(losses)["generator"] == pytest.approx([1.0] * 100)
    assert lines(losses)["discriminator"] == pytest.approx([2.0] * 100)
    assert lines(accuracy)["real"] == pytest.approx([70] * 100)
    assert lines(accuracy)["fake"] == pytest.approx([60] * 100)


def test_a_long_training_is_drawn_as_means_and_ranges_of_consecutive_records():
    steps = [{**STEPS[0], "epoch": step / 1000, "generator_loss": float(step % 2)} for step in range(2000)]
    losses = figures.gan_curves(steps).axes[0]
    assert lines(losses)["generator"] == pytest.approx([0.5] * 200)
    band = losses.collections[0].get_paths()[0].vertices
    assert {0.0, 1.0} <= set(band[:, 1])


def test_a_run_without_recorded_steps_has_empty_curves():
    figure = figures.gan_curves([{"kind": "result"}])
    assert figures.png(figure).startswith(b"\x89PNG")
    losses, accuracies = map(lines, figure.axes)
    assert [*losses["generator"], *losses["discriminator"], *accuracies["real"], *accuracies["fake"]] == []


def test_monitor_curves_are_labelled_at_round_epochs():
    monitor = [{"epoch": epoch, "fd": 100 / epoch, "coverage": 0.5, "recall": 0.4} for epoch in (1, 2, 5, 50, 53, 56)]
    distance, fractions = figures.monitor_curves({"a": monitor, "b": monitor[:2]}).axes
    labels = [label.get_text() for label in distance.get_xticklabels()]
    assert {"1", "10", "50"} < set(labels)
    assert "53" not in labels
    assert set(lines(fractions)) == {"a, coverage", "a, recall", "b, coverage", "b, recall"}


def test_an_interpolation_shows_every_image_with_its_class_and_confidence():
    strips = {"linear": strip([3] * 5 + [8] * 4, [0.951] * 9), "spherical": strip([1] * 9, [1.0] * 9)}
    figure = figures.interpolations(strips)
    assert len(figure.axes) == 18
    assert figure.axes[0].get_xlabel() == "3 · 95 %"
    assert figure.axes[8].get_xlabel() == "8 · 95 %"


def test_interpolations_of_different_lengths_fit_in_one_figure():
    figure = figures.interpolations({"long": strip([1] * 9, [1.0] * 9), "short": strip([1, 2], [1.0, 1.0])})
    assert sum(axes.get_visible() for axes in figure.axes) == 11


def test_snapshots_show_one_grid_a_stage():
    figure = figures.snapshots({"start": IMAGES, "middle": IMAGES, "end": IMAGES})
    assert [axes.get_title() for axes in figure.axes] == ["start", "middle", "end"]


def test_variants_that_diverged_are_not_drawn_and_the_lowest_distance_is_on_top():
    results = [
        *variant_results("public-script", {}, [300.0, 310.0]),
        *variant_results("course", {"loss": "minimax"}, [None, None]),
        *variant_results("course", {}, [100.0, None]),
    ]
    figure = figures.variants(results)
    assert len(figure.axes) == len(PANELS)
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["course", "public-script"]
    (panel,) = figures.variants(results, figures.PAPER, metrics=("fd",), floor=2.0).axes
    assert panel.lines[0].get_xdata() == [2.0, 2.0]


def test_the_overview_holds_all_three_figures():
    study = palindrome_study(("rnn", 5, 0.5, 1))
    grids, strips = {"start": IMAGES, "end": IMAGES}, {"linear": strip([1, 2], [1.0, 1.0])}
    assert len(figures.overview({"Study": study.runs}, grids, strips).axes) == 1 + 2 + 2


def test_the_paper_style_scales_every_figure_to_the_width_of_the_text():
    for figure in (figures.gan_curves(STEPS, figures.PAPER), figures.palindrome_curves({"rnn": EPOCHS}, figures.PAPER)):
        assert figure.get_size_inches()[0] == pytest.approx(6.3)
    assert figures.gan_curves(STEPS).get_size_inches()[0] == 10


def test_drawing_leaves_the_settings_of_matplotlib_alone():
    before = dict(matplotlib.rcParams)
    figures.png(figures.gan_curves(STEPS))
    figures.svg(figures.gan_curves(STEPS, figures.PAPER))
    assert dict(matplotlib.rcParams) == before


def test_equal_records_give_equal_files(tmp_path):
    for name in ("one", "two"):
        figures.save(tmp_path / name, figures.gan_curves(STEPS))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes().startswith(b"\x89PNG")
    assert figures.svg(figures.gan_curves(STEPS, figures.PAPER)) == figures.svg(
        figures.gan_curves(STEPS, figures.PAPER)
    )


def test_a_figure_shows_itself_in_a_notebook_as_in_its_file(tmp_path):
    figure = figures.gan_curves(STEPS)
    figures.save(tmp_path / "figure.png", figure)
    assert figure._repr_png_() == (tmp_path / "figure.png").read_bytes()
