"""The explorer's page, opened from the disk in a browser, as somebody would who was sent the file."""

import http.client
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from browser import ARGUMENTS, find, serious_findings
from conftest import ROOT
from playwright.sync_api import sync_playwright

from palingen.adversarial.directions import found_by, principal, properties, ridge
from palingen.adversarial.experiment import GanRun, networks
from palingen.adversarial.explorer import explorer
from palingen.adversarial.export import generator_layers
from palingen.adversarial.judge import load_judge
from palingen.adversarial.latent import draw_images, draw_latents
from palingen.adversarial.train import train
from palingen.adversarial.trained import Trained, load
from palingen.errors import DataError, PalingenError

MEGABYTES = 8
SECOND = 1000
OPENINGS = 8
DRAGS = 4
LIKE_A_DIGIT = (
    "canvas => canvas.getContext('2d').getImageData(0, 0, 28, 28).data.some((v, i) => i % 4 === 3 && v > 100)"
)


@pytest.fixture(scope="module")
def file(tmp_path_factory, few_digits):
    """A page with the shipped generator and a class-conditional residual one that has hardly learnt."""
    folder = tmp_path_factory.mktemp("residual")
    config = GanRun(
        pair="residual", conditional=True, data=str(few_digits), epochs=3, batch_size=50, latent_dim=64,
        save_interval=5, watch_samples=0,
    )  # fmt: skip
    train(config, folder, torch.device("cpu"))
    path = tmp_path_factory.mktemp("page") / "explorer.html"
    path.write_text(explorer([(load("pretrained:course"), "pretrained:course"), (load(folder), folder)]))
    return path


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, file):
    """Open the page, with a hash; afterwards, nothing may have been complained of or fetched."""
    contexts, complaints, requests = [], [], []

    def open_it(link="", **options):
        # Playwright's own waiting needs what the page's policy forbids; the first test below keeps the policy.
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, **{"bypass_csp": True, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(file.as_uri() + link)
        page.wait_for_selector("#near[data-drawn]")
        if "bypass_csp" not in options:
            settle(page)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []
    assert requests
    assert all(url.startswith(("file:", "blob:", "data:")) for url in requests)


def settle(page):
    """Wait until the worker has nothing left to do and the map is whole."""
    page.wait_for_function("palingen.page.idle() && document.querySelector('#lattice').dataset.filled")
    page.wait_for_timeout(250)
    page.wait_for_function("palingen.page.idle()")


def picture(page, selector):
    return page.eval_on_selector(selector, "canvas => canvas.toDataURL()")


def test_two_generators_fit_in_8_megabytes(file):
    assert file.stat().st_size < MEGABYTES * 1e6


@pytest.mark.alone
def test_the_first_pictures_are_there_within_a_second_of_opening(open_page):
    moments = []
    while len(moments) < OPENINGS and min(moments, default=SECOND) >= SECOND:  # other work on the machine only slows
        page = open_page(bypass_csp=False)
        moments.append(page.evaluate("performance.getEntriesByName('first images')[0].startTime"))
    print(f"first images after {moments} ms")
    assert min(moments) < SECOND


def test_another_seed_a_cut_and_a_choice_change_the_pictures_and_a_seed_brings_them_back(open_page):
    page = open_page()
    first = picture(page, "#grid canvas")
    page.click("#reroll")
    settle(page)
    other = picture(page, "#grid canvas")
    assert other != first
    page.fill("#cut", "0.5")
    settle(page)
    assert picture(page, "#grid canvas") != other
    page.fill("#cut", "1")
    page.fill("#seed", "0")
    settle(page)
    assert picture(page, "#grid canvas") == first
    page.click("#grid button:nth-child(7)")
    settle(page)
    assert picture(page, "#mine") == picture(page, "#grid button:nth-child(7) canvas")
    assert page.get_attribute("#grid button:nth-child(7)", "aria-pressed") == "true"


def test_a_class_is_asked_for_only_of_a_generator_that_can(open_page):
    page = open_page()
    assert not page.is_visible("#class")
    page.select_option("#model", "1")
    settle(page)
    before = picture(page, "#grid canvas")
    page.select_option("#class", "7")
    settle(page)
    assert picture(page, "#grid canvas") != before
    assert "m=1" in page.url
    assert "k=7" in page.url


def test_a_walk_has_nine_judged_pictures_between_pins_of_different_classes(open_page):
    page = open_page()
    said = page.locator("#strip .verdict").all_inner_texts()
    assert len(said) == 9
    assert all(re.fullmatch(r"\d, \d+ %", words) for words in said)
    assert said[0][0] != said[-1][0]
    arc = picture(page, "#strip button:nth-child(5) canvas")
    page.check("[name=walk][value=linear]")
    settle(page)
    assert picture(page, "#strip button:nth-child(5) canvas") != arc
    page.fill("#t", "1")
    settle(page)
    assert picture(page, "#walker") == picture(page, "[data-pin=b] canvas")
    page.click("#play")
    page.wait_for_function("Number(document.querySelector('#t').value) < 0.9")
    page.click("#play")
    page.click("#grid button:nth-child(25)")
    page.click("[data-pin=a]")
    settle(page)
    assert picture(page, "#strip button:nth-child(1) canvas") == picture(page, "#mine")


def test_sliders_change_your_digit_and_go_back(open_page):
    page = open_page()
    before = picture(page, "#mine")
    names = [name.lower() for name in page.locator(".slide .name").all_inner_texts()]
    assert names == ["slant", "thickness", "width", "principal 1", "principal 2"]
    page.fill(".slide:nth-child(2) input", "2")
    settle(page)
    assert picture(page, "#mine") != before
    page.click("#sliders-reset")
    settle(page)
    assert picture(page, "#mine") == before


def test_a_lent_digit_is_found_and_becomes_your_digit(open_page):
    page = open_page()
    page.click("#lend")
    page.wait_for_function("document.querySelector('#search').hidden && document.querySelector('#found').dataset.drawn")
    settle(page)
    assert picture(page, "#found") == picture(page, "#mine")
    away = int(page.inner_text("#found-words").split()[0])
    assert away < 20


def test_a_digit_is_drawn_with_the_mouse_and_with_the_keyboard(open_page):
    page = open_page()
    page.locator("#pad").scroll_into_view_if_needed()
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + 120, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 115, box["y"] + 200, steps=8)
    page.mouse.up()
    page.wait_for_function("/away/.test(document.querySelector('#found-words').textContent)")
    page.wait_for_function("document.querySelector('#search').hidden")
    settle(page)
    assert page.inner_text("#mine-verdict").startswith("1,")
    page.click("#wipe")
    drawn = "canvas => canvas.getContext('2d').getImageData(0, 0, 280, 280).data.some((v) => v)"
    assert not page.eval_on_selector("#pad", drawn)
    page.focus("#pad")
    for _ in range(6):
        page.keyboard.press("Shift+ArrowDown")
    assert page.eval_on_selector("#pad", drawn)


def test_learning_goes_from_noise_to_the_last_kept_pictures(open_page):
    page = open_page()
    last = picture(page, "#frames")
    page.fill("#frame", "0")
    assert page.inner_text("#frame-name") == "before training"
    assert picture(page, "#frames") != last
    page.select_option("#model", "1")
    settle(page)
    page.fill("#frame", "1")
    assert page.inner_text("#frame-name") == "step 5"


def test_the_trust_card_shows_verdict_neighbour_and_measured_scores(open_page):
    page = open_page()
    shares = [float(words.split()[0]) for words in page.locator("#bars span:last-child").all_inner_texts()]
    assert abs(sum(shares) - 100) < 6
    assert re.fullmatch(r"a \d, [\d.]+ % away", page.inner_text("#near-words"))
    assert page.eval_on_selector("#near", LIKE_A_DIGIT)
    kept = json.loads((ROOT / "src/palingen/pretrained/course/score.json").read_text())
    table = page.inner_text("#scores")
    assert f"{kept['fd']:.1f}" in table
    assert f"{kept['rows']['floor']['fd']:.1f}" in table
    page.select_option("#model", "1")
    assert "Not measured yet" in page.inner_text("#scores")


def drag(page):
    """Pictures a second while the map is dragged on, as the page measures it, and of how many."""
    page.locator("#field").scroll_into_view_if_needed()
    box = page.locator("#field").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 340, box["y"] + 300, steps=250)
    page.mouse.up()
    settle(page)
    return tuple(float(page.get_attribute("#map-rate", f"data-{name}")) for name in ("rate", "count"))


@pytest.mark.alone
@pytest.mark.parametrize(("model", "least"), [(0, 50), (1, 25)], ids=["mlp", "residual"])
def test_dragging_on_the_map_is_smooth(open_page, model, least):
    page = open_page(f"#m={model}")
    before = picture(page, "#lens")
    rates = [drag(page)]
    while len(rates) < DRAGS and max(rates)[0] < least:  # other work on the machine only slows
        rates.append(drag(page))
    print(f"{['mlp', 'residual'][model]}: pictures a second, pictures: {rates}")
    assert picture(page, "#lens") != before
    assert max(rates)[0] >= least


def test_the_map_holds_the_pins_and_has_a_second_plane(open_page):
    page = open_page("#x=0.16&y=0.84")
    assert picture(page, "#lens") == picture(page, "[data-pin=a] canvas")
    page.check("[name=plane][value=principal]")
    settle(page)
    assert picture(page, "#lens") != picture(page, "[data-pin=a] canvas")
    page.click("#map-take")
    settle(page)
    assert "z=" in page.url


def test_a_link_opens_the_same_view(open_page):
    page = open_page()
    page.click("#reroll")
    settle(page)
    for pin, place in (("a", 3), ("b", 12), ("c", 20)):
        page.click(f"#grid button:nth-child({place})")
        settle(page)
        page.click(f"[data-pin={pin}]")
    page.check("[name=walk][value=linear]")
    page.fill("#t", "0.3")
    page.fill(".slide:nth-child(1) input", "1.5")
    page.focus("#field")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowLeft")
    settle(page)
    shown = (
        "#mine",
        "#walker",
        "#lens",
        "#grid button:nth-child(9) canvas",
        "[data-pin=c] canvas",
        "#near",
        "#lattice",
    )
    before = {selector: picture(page, selector) for selector in shown}
    again = open_page("#" + page.url.split("#")[1])
    assert {selector: picture(again, selector) for selector in shown} == before


@pytest.mark.parametrize("link", ["#m=99&seed=x&z=%%%&s=abc&f=1e9", "#z=AAAA&a=AAAA&walk=zigzag&x=&t=NaN"])
def test_a_damaged_link_opens_the_page_all_the_same(open_page, link):
    page = open_page(link)
    assert page.eval_on_selector("#mine", LIKE_A_DIGIT)


def test_the_keyboard_reaches_everything(open_page):
    page = open_page()
    page.focus("#grid button")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    settle(page)
    assert page.get_attribute("#grid button:nth-child(7)", "aria-pressed") == "true"
    page.focus("#skip, .skip")
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.closest('section, aside, header')?.id || ''"))
    assert {"samples", "between", "map", "sliders", "draw", "learning"} <= reached


@pytest.mark.parametrize("name", ["samples", "between", "map", "sliders", "draw", "learning"])
def test_pictures_are_saved_as_png(open_page, tmp_path, name):
    page = open_page()
    with page.expect_download() as download:
        page.click(f"[data-save={name}]")
    download.value.save_as(tmp_path / "saved.png")
    assert (tmp_path / "saved.png").read_bytes().startswith(b"\x89PNG")


LOOKS = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"screen": {"width": 390, "height": 844}},
}


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious_and_nothing_overflows(open_page, look):
    page = open_page(**LOOKS[look])
    if look == "phone":
        page.set_viewport_size({"width": 390, "height": 844})
    assert serious_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_the_page_names_nothing_outside_itself(file):
    text = re.sub(r'"[A-Za-z0-9+/=]{200,}"', '""', file.read_text())
    assert "http:" not in text
    assert "https:" not in text
    assert str(Path.home()) not in text


def test_the_command_writes_the_page_and_says_where(palingen, tmp_path):
    result = json.loads(palingen("gan", "explore", "--no-open", "--out", "page.html", "--json").stdout)
    assert result["models"] == ["course"]
    assert result["files"] == ["page.html"]
    assert (tmp_path / "page.html").stat().st_size == pytest.approx(result["megabytes"] * 1e6)


def test_the_page_is_served_to_this_computer_only_and_nothing_beside_it(tmp_path):
    (tmp_path / "secret").write_text("mine")
    arguments = ["gan", "explore", "--serve", "--no-open", "--out", "page.html"]
    command = [sys.executable, "-m", "palingen", *arguments]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as child:
        try:
            host, port = re.match(r"http://([\d.]+):(\d+)/page.html ", child.stderr.readline()).groups()
            assert host == "127.0.0.1"
            answers = {}
            for path in ("/page.html", "/secret", "/", "/../secret"):
                connection = http.client.HTTPConnection(host, int(port), timeout=20)
                connection.request("GET", path)
                answers[path] = connection.getresponse().status
                connection.close()
            assert answers == {"/page.html": 200, "/secret": 404, "/": 404, "/../secret": 404}
            child.send_signal(signal.SIGINT)
            assert child.wait(timeout=20) == 0
        finally:
            child.kill()  # so that a failure does not wait for the server to end


def test_a_generator_of_three_digits_is_refused():
    config = GanRun(data="stacked")
    with pytest.raises(PalingenError, match="draws three digits at once"):
        explorer([(Trained("three", networks(config)[0], config), Path("three"))])


def test_a_layer_that_the_explorer_does_not_know_is_named():
    with pytest.raises(PalingenError, match="does not know layers of the kind GELU"):
        generator_layers(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.GELU()))


def test_damaged_scores_are_named(file, tmp_path):
    source = load("pretrained:course")
    (tmp_path / "score.json").write_text("{}")
    with pytest.raises(DataError, match=r"score.json: damaged"):
        explorer([(source, tmp_path)])


def test_a_leaning_stroke_has_its_slant_and_a_thicker_one_its_thickness():
    rows, columns = np.mgrid[:28, :28]
    stroke = lambda lean, half: (np.abs(columns - 13.5 + lean * (rows - 13.5)) <= half) & (abs(rows - 13.5) < 9)  # noqa: E731
    pixels = torch.tensor(np.stack([stroke(0, 1), stroke(0.5, 1), stroke(0, 2.6)]) * 255).to(torch.uint8)
    found = properties(pixels)
    assert found["slant"][0].abs() < 1
    assert found["slant"][1] == pytest.approx(np.degrees(np.arctan(0.5)), abs=2)
    assert found["thickness"][2] > 1.8 * found["thickness"][0]
    assert found["width"][2] > found["width"][0]


def test_a_linear_map_is_found_again_by_the_regression():
    x, weight = draw_latents(2000, 6, 0), draw_latents(3, 6, 1)
    found, bias = ridge(x, x @ weight.T + 2)
    torch.testing.assert_close(found, weight, atol=0.02, rtol=0)
    torch.testing.assert_close(bias, torch.full((3,), 2.0), atol=0.02, rtol=0)


def test_directions_do_to_new_images_what_they_say():
    course = load("course")
    directions, _ = found_by(course.generator, 100, 0, load_judge())
    latents = draw_latents(1000, 100, seed=9)
    before = properties(draw_images(course.generator, latents))
    for found in directions[:3]:
        moved = properties(draw_images(course.generator, latents + 0.5 * found.vector))
        change = (moved[found.name] - before[found.name]).mean().item() / 0.5
        assert change == pytest.approx(found.effect, rel=0.35)
        assert found.vector.norm() == pytest.approx(1, abs=1e-4)


def test_principal_directions_are_orthogonal_and_move_the_first_layer_most():
    generator = load("course").generator
    one, other = principal(generator, 100)
    assert abs(one.vector @ other.vector) < 1e-4
    moved = lambda vector: (generator[0].weight.detach() @ vector).norm()  # noqa: E731
    assert moved(one.vector) > moved(other.vector) > moved(draw_latents(1, 100, 0)[0] / 10)


def test_the_guess_draws_nearer_to_pictures_it_was_not_fitted_on_than_other_samples_are():
    course, judge = load("course"), load_judge()
    _, fitted = found_by(course.generator, 100, 0, judge)
    pixels = draw_images(course.generator, draw_latents(500, 100, seed=9))
    guessed = draw_images(course.generator, judge.look(pixels).features @ fitted.weight.T + fitted.bias)
    far = (pixels.float() - pixels.roll(1, 0).float()).square().mean()
    assert (pixels.float() - guessed.float()).square().mean() < 0.6 * far


def test_the_page_kept_with_the_report_is_made_of_the_present_sources():
    kept = (ROOT / "report" / "explorer.html").read_text()
    sources = sorted((ROOT / "src/palingen/explorer").glob("**/*.[jc]s*"))
    assert len(sources) == 16
    assert [path.name for path in sources if path.read_text() not in kept] == []
