"""Panels of the digits page in a browser, opened from the disk as by someone who was sent the file."""

import json
import re

from digits_page import canvas_image, has_ink, settle
from PIL import Image

from palingen.runtime.paths import PRETRAINED_DIR


def test_seed_truncation_and_selection_change_the_samples_and_a_seed_restores_them(open_page):
    page = open_page()
    first = canvas_image(page, "#grid canvas")
    page.click("#next-seed")
    settle(page)
    other = canvas_image(page, "#grid canvas")
    assert other != first
    page.fill("#truncation", "0.5")
    settle(page)
    assert canvas_image(page, "#grid canvas") != other
    page.fill("#truncation", "1")
    page.fill("#seed", "0")
    settle(page)
    assert canvas_image(page, "#grid canvas") == first
    page.click("#grid button:nth-child(7)")
    settle(page)
    assert canvas_image(page, "#current-digit") == canvas_image(page, "#grid button:nth-child(7) canvas")
    assert page.get_attribute("#grid button:nth-child(7)", "aria-pressed") == "true"


def test_only_a_class_conditional_generator_offers_classes(open_page):
    page = open_page()
    assert not page.is_visible("#digit")
    page.select_option("#model", "1")
    settle(page)
    before = canvas_image(page, "#grid canvas")
    page.select_option("#digit", "7")
    settle(page)
    assert canvas_image(page, "#grid canvas") != before
    assert "model=1" in page.url
    assert "digit=7" in page.url


def test_an_interpolation_has_nine_classified_images_between_pins_of_different_classes(open_page):
    page = open_page()
    predictions = page.locator("#strip .prediction").all_inner_texts()
    assert len(predictions) == 9
    assert all(re.fullmatch(r"\d, \d+\s%", prediction) for prediction in predictions)
    assert predictions[0][0] != predictions[-1][0]
    spherical = canvas_image(page, "#strip button:nth-child(5) canvas")
    page.check("[name=interpolation][value=linear]")
    settle(page)
    assert canvas_image(page, "#strip button:nth-child(5) canvas") != spherical
    page.fill("#t", "1")
    settle(page)
    assert canvas_image(page, "#point") == canvas_image(page, "[data-pin=b] canvas")


def test_play_moves_the_position_of_an_interpolation(open_page):
    page = open_page("#t=1")
    page.click("#play")
    page.wait_for_function("Number(document.querySelector('#t').value) < 0.9")
    page.click("#play")
    assert page.get_attribute("#play", "aria-pressed") == "false"


def test_a_new_pin_is_an_endpoint_of_the_interpolation(open_page):
    page = open_page()
    page.click("#grid button:nth-child(25)")
    page.click("[data-pin=a]")
    settle(page)
    assert canvas_image(page, "#strip button:nth-child(1) canvas") == canvas_image(page, "#current-digit")


def test_the_latent_plane_contains_the_pins_and_has_a_principal_version(open_page):
    page = open_page("#x=0.16&y=0.84")
    assert canvas_image(page, "#cursor-image") == canvas_image(page, "[data-pin=a] canvas")
    page.check("[name=plane][value=principal]")
    settle(page)
    assert canvas_image(page, "#cursor-image") != canvas_image(page, "[data-pin=a] canvas")
    before = canvas_image(page, "#current-digit")
    page.click("#cursor-select")
    settle(page)
    assert canvas_image(page, "#current-digit") != before
    assert "z=" in page.url


def test_a_direction_changes_the_current_digit_and_reset_restores_it(open_page):
    page = open_page()
    before = canvas_image(page, "#current-digit")
    names = [name.lower() for name in page.locator(".direction .name").all_inner_texts()]
    assert names == ["slant", "thickness", "width", "principal 1", "principal 2"]
    page.fill(".direction:nth-child(2) input", "2")
    settle(page)
    assert canvas_image(page, "#current-digit") != before
    page.click("#directions-reset")
    settle(page)
    assert canvas_image(page, "#current-digit") == before


def wait_for_inversion(page):
    """Wait for the end of a search; return the difference in per cent."""
    page.wait_for_function("/difference/.test(document.querySelector('#nearest-caption').textContent)")
    page.wait_for_function("document.querySelector('#inversion-progress').hidden")
    settle(page)
    return float(re.search(r"([\d.]+)\s%", page.inner_text("#nearest-caption"))[1])


def test_inversion_of_a_training_digit_gives_the_current_digit(open_page):
    page = open_page()
    page.click("#training-digit")
    difference = wait_for_inversion(page)
    assert canvas_image(page, "#nearest-image") == canvas_image(page, "#current-digit")
    assert difference < 20  # the median between test digits and their nearest of 1,000 training digits


def test_a_search_that_began_with_another_generator_changes_no_digit(open_page):
    page = open_page()
    page.evaluate("""() => {
        document.querySelector("#training-digit").click();
        const models = document.querySelector("#model");
        models.value = String(1 - Number(models.value));
        models.dispatchEvent(new Event("change", { bubbles: true }));
    }""")
    page.wait_for_function("document.querySelector('#inversion-progress').hidden")
    settle(page)
    before = canvas_image(page, "#current-digit")
    page.click("[data-pin=a]")
    page.fill(".direction:nth-child(2) input", "2")
    settle(page)
    assert canvas_image(page, "#current-digit") != before


def test_a_vertical_stroke_drawn_with_the_mouse_becomes_a_one(open_page):
    page = open_page()
    page.locator("#drawing").scroll_into_view_if_needed()
    box = page.locator("#drawing").bounding_box()
    page.mouse.move(box["x"] + 120, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 115, box["y"] + 200, steps=8)
    page.mouse.up()
    wait_for_inversion(page)
    assert page.inner_text("#current-prediction").startswith("1,")


def test_the_drawing_is_cleared_and_drawn_with_the_keyboard(open_page):
    page = open_page()
    page.focus("#drawing")
    page.keyboard.press("ArrowDown")
    assert not has_ink(page, "#drawing")
    for _ in range(6):
        page.keyboard.press("Shift+ArrowDown")
    assert has_ink(page, "#drawing")
    page.click("#clear")
    assert not has_ink(page, "#drawing")


def test_an_empty_drawing_is_not_searched_for(open_page):
    page = open_page()
    page.click("#invert")
    assert page.inner_text("#nearest-caption") == "Draw a digit first"
    assert not page.is_visible("#inversion-progress")


def test_the_training_slider_shows_the_snapshots_of_each_generator(open_page):
    page = open_page()
    last = canvas_image(page, "#snapshot-images")
    page.fill("#snapshot", "0")
    assert page.inner_text("#snapshot-name") == "before training"
    assert canvas_image(page, "#snapshot-images") != last
    page.select_option("#model", "1")
    settle(page)
    page.fill("#snapshot", "1")
    assert page.inner_text("#snapshot-name") == "step 5"


def test_the_evaluation_shows_probabilities_nearest_training_digit_and_scores(open_page):
    page = open_page()
    percents = [float(text.split()[0]) for text in page.locator("#bars span:last-child").all_inner_texts()]
    assert len(percents) == 10
    assert abs(sum(percents) - 100) < 2  # rounded down above ten per cent, to a tenth below
    assert re.fullmatch(r"a \d, difference [\d.]+\s%", page.inner_text("#training-caption"))
    assert has_ink(page, "#training-image")
    record = json.loads((PRETRAINED_DIR / "course" / "score.json").read_text())
    table = page.inner_text("#scores")
    assert f"{record['fd']:.1f}" in table
    assert f"{record['rows']['floor']['fd']:.1f}" in table
    page.select_option("#model", "1")
    assert "Not scored yet" in page.inner_text("#scores")


def test_each_panel_saves_its_images_as_png(open_page, tmp_path):
    page = open_page()
    for name in ("samples", "interpolation", "latent-plane", "directions", "inversion", "training"):
        with page.expect_download() as download:
            page.click(f"[data-save={name}]")
        download.value.save_as(tmp_path / f"{name}.png")
        with Image.open(tmp_path / f"{name}.png") as saved:
            assert saved.format == "PNG"
            assert min(saved.size) > 28
