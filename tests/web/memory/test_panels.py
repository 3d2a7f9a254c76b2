"""Panels of the memory page in a browser, opened from the disk as by someone who was sent the file."""

import re
from dataclasses import replace

from digits_page import canvas_image
from memory_page import settle_memory, show_panel
from PIL import Image

from palingen.recurrence.pretrained import load_network
from palingen.runtime.safetensors_io import save_weights

PANELS = ("read-along", "side-by-side", "change-digit", "gradient", "units", "how-long", "learning", "train")


def test_a_typed_palindrome_is_read_and_answered(open_memory):
    page = open_memory("#length=20")
    page.fill("#digits", "7 0 1 2 3 4 5")
    settle_memory(page)
    assert page.input_value("#length") == "7"
    page.focus("#length")
    assert page.input_value("#digits") == "7012107"
    assert page.inner_text("#answer").startswith("Answer ")
    assert ("right" in page.inner_text("#answer-note")) == page.inner_text("#answer").startswith("Answer 7,")
    page.fill("#digits", "12")
    assert page.inner_text("#digits-note") == "At least five digits are needed."
    assert page.input_value("#length") == "7"


def test_a_palindrome_is_lengthened_and_shuffled(open_memory):
    page = open_memory()
    before = page.input_value("#digits")
    page.fill("#length", "1000")
    page.press("#length", "Enter")
    settle_memory(page)
    digits = page.input_value("#digits")
    assert len(digits) == 1000
    assert digits == digits[::-1]
    assert digits.startswith(before[:100])
    assert page.inner_text("#answer-note") == "right: the last digit is the first"
    page.click("#shuffle")
    settle_memory(page)
    assert page.input_value("#digits") != digits


def test_arrow_keys_move_the_step_and_the_answers_with_it(open_memory):
    page = open_memory("#length=30")
    last = canvas_image(page, "#read-cursor")
    assert page.inner_text("#step-value").startswith("29 of 29")
    page.focus("#step")
    page.keyboard.press("Home")
    first = page.locator("#answer-bars span:last-child").all_inner_texts()
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#step-value").startswith("2 of 29")
    assert page.locator("#answer-bars span:last-child").all_inner_texts() != first
    assert canvas_image(page, "#read-cursor") != last
    settle_memory(page)
    assert "step=2" in page.url
    page.click("#read-play")
    page.wait_for_function("Number(document.querySelector('#step').value) > 4")
    page.click("#read-play")


def test_the_order_of_the_units_changes_the_heat_maps(open_memory):
    page = open_memory("#length=20")
    show_panel(page, "read-along")
    images = set()
    for order in ("first", "forget", "now", "index"):
        page.select_option("#sort", order)
        settle_memory(page)
        images.add(canvas_image(page, "#read-maps"))
    assert len(images) == 4


def test_networks_are_compared_on_one_palindrome(unchanged_page):
    page = unchanged_page
    show_panel(page, "side-by-side")
    note = page.inner_text("#confidence-note")
    confidence = {name: int(value) for name, value in re.findall(r"(\w+) (\d+)\s%", note)}
    assert confidence.keys() == {"LSTM", "GRU", "RNN"}
    assert min(confidence.values()) > 90


def test_a_change_of_the_first_digit_changes_the_answer_and_one_of_another_does_not(open_memory):
    page = open_memory("#length=60")
    show_panel(page, "change-digit")
    first = int(page.inner_text("#digit-buttons button:nth-child(1)"))
    assert f"becomes {(first + 1) % 10}. The answer changes from {first}" in page.inner_text("#change-result")
    plot = canvas_image(page, "#distance")
    page.click("#digit-buttons button:nth-child(40)")
    settle_memory(page)
    assert f"The answer stays {first}" in page.inner_text("#change-result")
    assert canvas_image(page, "#distance") != plot
    page.select_option("#replacement", "0")
    settle_memory(page)
    assert "position=40&replacement=0" in page.url


def test_the_gradient_of_each_cell_is_shown_before_and_after_training(unchanged_page):
    page = unchanged_page
    show_panel(page, "gradient")
    page.wait_for_function("/RNN, trained/.test(document.querySelector('#gradient-note').textContent)")
    note = page.inner_text("#gradient-note")
    for cell in ("LSTM", "GRU", "RNN"):
        assert f"{cell}, untrained" in note
        assert f"{cell}, trained" in note


def test_units_are_switched_off_and_the_accuracy_falls(open_memory):
    page = open_memory("#length=60")
    show_panel(page, "units")
    page.wait_for_function("/All units on: \\d/.test(document.querySelector('#unit-accuracy').textContent)")
    assert "knows" in page.get_attribute("#unit-buttons button", "aria-label")
    page.click("#unit-buttons button:nth-child(3)")
    settle_memory(page)
    assert page.get_attribute("#unit-buttons button:nth-child(3)", "aria-pressed") == "true"
    assert "off=2" in page.url
    page.click("#off-best")
    settle_memory(page)
    assert page.inner_text("#unit-accuracy").startswith("6 of 64 units off")
    page.goto(re.sub(r"off=[\d.]*", "off=" + ".".join(map(str, range(64))), page.url))
    settle_memory(page)
    result = page.inner_text("#unit-accuracy")
    assert result.startswith("64 of 64 units off")
    assert float(re.search(r"off: ([\d.]+)", result)[1]) < 30
    page.click("#off-none")
    settle_memory(page)
    assert page.inner_text("#unit-accuracy").startswith("All units on: 9") or "100" in page.inner_text("#unit-accuracy")


def test_accuracy_at_a_length_has_an_interval(open_memory):
    page = open_memory("#reach=20&net=gru-memory")
    show_panel(page, "how-long")
    page.wait_for_function(
        "/of 200 palindromes/.test(document.querySelector('#reach-result').textContent)", timeout=60_000
    )
    low, high = map(int, re.search(r"\((\d+)\s% to (\d+)\s%\)", page.inner_text("#reach-result")).groups())
    assert 90 < low < high <= 100
    label = page.get_attribute("#reach-plot", "aria-label")
    assert "20 digits" in label
    page.fill("#reach", "0")
    page.wait_for_function(
        "/T = 5: .*of 200 palindromes/.test(document.querySelector('#reach-result').textContent)", timeout=60_000
    )


def test_stages_of_the_training_read_the_same_palindrome(open_memory):
    page = open_memory("#length=30")
    show_panel(page, "learning")
    last = canvas_image(page, "#stage-maps")
    page.fill("#stage", "0")
    assert page.inner_text("#stage-name") == "before training"
    assert canvas_image(page, "#stage-maps") != last
    assert "before training: " in page.get_attribute("#stage-plot", "aria-label")
    page.click("#stage-play")
    page.wait_for_function("document.querySelector('#stage').value === '1'")
    page.click("#stage-play")


def train(page, settings):
    """Train with the form of A, until it is done; return the result line."""
    for name, value in settings.items():
        selector = f"#a-{name}"
        if page.evaluate(f"document.querySelector('{selector}').tagName") == "SELECT":
            page.select_option(selector, str(value))
        else:
            page.fill(selector, str(value))
            page.press(selector, "Tab")
    page.click("#train-start")
    page.wait_for_selector("#train-result[data-done=true]", timeout=90_000)
    settle_memory(page)
    return page.inner_text("#train-result")


def test_what_cannot_be_trained_or_saved_is_said_and_the_skip_link_keeps_the_view(open_memory):
    page = open_memory("#length=10&net=rnn-memory")
    page.focus(".skip")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "read-along"
    assert page.input_value("#network") == "rnn-memory"
    show_panel(page, "train")
    before = page.input_value("#a-hiddenSize")
    page.fill("#a-hiddenSize", "128")
    page.keyboard.press("Tab")
    assert page.input_value("#a-hiddenSize") == before
    assert page.inner_text(".status") == "Hidden units: from 8 to 64"
    page.click("[data-png=train]")
    assert page.inner_text(".status") == "There is no picture to save yet"


def test_a_network_trained_here_is_in_every_panel_and_palingen_loads_its_file(open_memory, tmp_path):
    page = open_memory()
    show_panel(page, "train")
    result = train(page, {"cell": "gru", "hiddenSize": 24, "learningRate": 0.02, "batchSize": 32, "steps": 300})
    assert result.startswith("GRU A, T = 5: ")
    assert page.input_value("#network") == "trained-a"
    assert len(page.input_value("#digits")) == 5
    show_panel(page, "learning")
    assert int(page.get_attribute("#stage", "max")) >= 2
    assert "One training" in page.inner_text("#trust-text")
    with page.expect_download() as download:
        page.click("#save-network")
    path = tmp_path / "mine.safetensors"
    download.value.save_as(path)
    config, model = load_network(path)
    assert (config.cell, config.length, config.hidden_size, config.learning_rate) == ("gru", 5, 24, 0.02)
    assert model.recurrent.hidden_size == 24
    answer = page.inner_text("#answer")
    page.set_input_files("#load-network", path)
    page.wait_for_function("document.querySelector('#network').value === 'mine'")
    settle_memory(page)
    assert page.inner_text("#answer") == answer


def test_a_race_shows_two_curves_and_stops_when_asked(open_memory):
    page = open_memory("#length=20")
    show_panel(page, "train")
    page.click("[data-preset=fails]")
    assert page.is_visible("#racer-b")
    assert (page.input_value("#a-cell"), page.input_value("#b-cell"), page.input_value("#a-length")) == (
        "rnn",
        "lstm",
        "20",
    )
    page.click("#train-start")
    page.wait_for_function(
        "/after .*·.*after /.test(document.querySelector('#train-result').textContent)", timeout=60_000
    )
    page.click("#train-stop")
    page.wait_for_selector("#train-result[data-done=true]", timeout=60_000)
    settle_memory(page)
    assert "LSTM B" in page.get_attribute("#curve-loss", "aria-label")
    assert page.is_visible("#train-start")
    assert set(page.locator("#network option").all_inner_texts()[-2:]) == {"trained-a", "trained-b"}


def test_a_file_of_another_kind_is_refused_and_nothing_changes(open_memory, tmp_path):
    page = open_memory("#length=20")
    (tmp_path / "other.safetensors").write_text("no weights")
    page.set_input_files("#load-network", tmp_path / "other.safetensors")
    page.wait_for_function("/cannot be loaded/.test(document.querySelector('.status').textContent)")
    assert page.input_value("#network") == "lstm-memory"


def test_another_file_of_the_same_name_is_measured_anew(open_memory, tmp_path):
    page = open_memory("#length=20")
    notes = []
    for stage in ("end", "start"):
        config, model = load_network("lstm-memory", stage)
        save_weights(tmp_path / "weights.safetensors", model.state_dict(), replace(config, length=20))
        before = page.evaluate("palingen.memory.current().id")
        page.set_input_files("#load-network", tmp_path / "weights.safetensors")
        page.wait_for_function(f"palingen.memory.current().id !== {before}")
        assert page.input_value("#network") == "weights"
        for panel in ("gradient", "units"):
            show_panel(page, panel)
        notes.append([page.inner_text(name) for name in ("#gradient-note", "#unit-accuracy")])
    (trained_gradient, trained_accuracy), (gradient, accuracy) = notes
    assert gradient != trained_gradient
    assert float(re.search(r"on: ([\d.]+)", accuracy)[1]) < 30
    assert float(re.search(r"on: ([\d.]+)", trained_accuracy)[1]) > 90


def test_the_trust_card_shows_every_seed_and_the_commands(unchanged_page):
    page = unchanged_page
    text = page.inner_text("#trust-tables")
    assert all(f"seed {seed}" in text for seed in range(5))
    assert "palingen palindrome study" in text
    assert "T = 1,000" in text


def test_each_panel_saves_its_picture_as_png(open_memory, tmp_path):
    page = open_memory("#length=20&reach=5")
    show_panel(page, "train")
    train(page, {"steps": 20, "hiddenSize": 8})  # measured in no time
    for panel in PANELS:
        show_panel(page, panel)
        page.wait_for_selector(f"#{panel} canvas[data-painted]")
        with page.expect_download() as download:
            page.click(f"[data-png={panel}]")
        download.value.save_as(tmp_path / f"{panel}.png")
        with Image.open(tmp_path / f"{panel}.png") as saved:
            assert saved.format == "PNG"
            assert min(saved.size) > 200
            assert len(saved.convert("RGB").getcolors(1 << 24)) > 3, panel
