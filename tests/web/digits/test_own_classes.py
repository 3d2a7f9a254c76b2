"""The page of a generator of pictures that are no digits."""

import pytest
from digits_page import settle

from palingen.gan.pretrained import load_generator
from palingen.web.page import build_page


@pytest.fixture(scope="module")
def page(shapes_run, chromium, tmp_path_factory):
    path = tmp_path_factory.mktemp("shapes-page") / "explorer.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PALINGEN_CACHE", str(shapes_run[1]))
        path.write_text(build_page([load_generator(shapes_run[0])]))
    context, errors = chromium.new_context(bypass_csp=True), []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_selector("#training-image[data-painted]")
    settle(page)
    yield page
    context.close()
    assert errors == []


def test_classes_have_their_names_everywhere_and_nothing_speaks_of_digits(page):
    names = {"ring", "slash", "square"}
    assert page.locator("#digit option").all_inner_texts() == ["all", "ring", "slash", "square"]
    assert page.locator("#bars li span:first-child").all_inner_texts() == ["ring", "slash", "square"]
    assert page.inner_text("#current-prediction").split(",")[0] in names
    assert page.inner_text("#training-caption").split(",")[0] in names
    assert "images: shapes" in page.inner_text("footer")
    assert "540 training images" in page.inner_text("#evaluation")
    assert "digit" not in page.inner_text("#lab-digits").lower()
    labels = page.eval_on_selector_all("#lab-digits [aria-label]", "elements => elements.map((e) => e.ariaLabel)")
    assert not [label for label in labels if "digit" in label.lower()]


def test_a_class_is_sampled_and_a_training_image_is_searched_for(page):
    page.select_option("#digit", label="slash")
    settle(page)
    assert page.evaluate("palingen.page.state().digit") == 1
    page.click("#training-digit")
    page.wait_for_function("document.querySelector('#inversion-progress').hidden")
    settle(page)
    assert "Nearest image: difference" in page.inner_text("#nearest-caption")


def test_the_name_of_a_class_stands_beside_its_bar_in_full(page):
    covered = """rows => rows.map(({ children: [name, bar] }) => [name.textContent, name.scrollWidth > name.clientWidth,
        name.getBoundingClientRect().right > bar.getBoundingClientRect().left])"""
    assert page.eval_on_selector_all("#bars li", covered) == [
        [name, False, False] for name in ("ring", "slash", "square")
    ]
