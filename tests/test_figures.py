import numpy as np
import pytest

from palingen.report import figures
from palingen.report.page import Page

EPOCHS = [
    {"kind": "epoch", "epoch": n, "loss": 2.3 / n, "test_accuracy": 1 - 0.9 / n, "test_loss": 2.3 / n}
    for n in range(1, 6)
]
STEPS = [
    {
        "kind": "step",
        "step": n,
        "epoch": n / 10,
        "generator_loss": 1.0,
        "discriminator_loss": 2.0,
        "real_accuracy": 0.7,
        "fake_accuracy": 0.6,
    }
    for n in range(100)
]


def lines(axes):
    return {line.get_label(): line.get_ydata() for line in axes.lines}


def test_palindrome_curves_show_the_records_in_percent_and_nats():
    accuracy, loss = figures.palindrome_curves({"lstm T = 5": EPOCHS}).axes
    assert lines(accuracy)["lstm T = 5"] == pytest.approx([100 * record["test_accuracy"] for record in EPOCHS])
    assert lines(loss)["lstm T = 5"] == pytest.approx([record["loss"] for record in EPOCHS])


def test_game_curves_show_both_players():
    losses, accuracy = figures.game_curves(STEPS).axes
    assert lines(losses)["generator"] == pytest.approx([1.0] * 100)
    assert lines(losses)["discriminator"] == pytest.approx([2.0] * 100)
    assert lines(accuracy)["real"] == pytest.approx([70] * 100)
    assert lines(accuracy)["fake"] == pytest.approx([60] * 100)


def test_a_walk_shows_every_image_with_its_class_and_confidence():
    pixels = np.zeros((9, 28, 28), np.uint8)
    strips = {"linear": (pixels, [3] * 5 + [8] * 4, [0.951] * 9), "spherical": (pixels, [1] * 9, [1] * 9)}
    figure = figures.walks(strips)
    assert len(figure.axes) == 18
    assert figure.axes[0].get_xlabel() == "3 · 95 %"
    assert figure.axes[8].get_xlabel() == "8 · 95 %"


def test_moments_show_one_grid_each():
    pixels = np.zeros((25, 28, 28), np.uint8)
    figure = figures.moments({"start": pixels, "middle": pixels, "end": pixels})
    assert [axes.get_title() for axes in figure.axes] == ["start", "middle", "end"]


def test_equal_records_give_equal_files(tmp_path):
    for name in ("one", "again"):
        figures.save(tmp_path / name, figures.game_curves(STEPS))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "again").read_bytes()
    assert (tmp_path / "one").read_bytes().startswith(b"\x89PNG")


def test_a_page_says_what_it_was_told_with_its_pictures_inside(tmp_path):
    figures.save(tmp_path / "picture.png", figures.game_curves(STEPS))
    page = Page("1 < 2")
    page.section("Heading", "words & more")
    page.table(("a", "b"), [(1, "<b>")])
    page.picture(tmp_path / "picture.png", 'a "picture"')
    page.write(tmp_path / "index.html")
    html = (tmp_path / "index.html").read_text()
    for part in ("1 &lt; 2", "words &amp; more", "<td>&lt;b&gt;</td>", 'alt="a &quot;picture&quot;"', "base64,iVBOR"):
        assert part in html
    assert "http" not in html
