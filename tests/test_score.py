import pytest
import torch

from palingen.adversarial.images import load_images
from palingen.adversarial.score import REFERENCES, blur, check_count, noisy
from palingen.errors import ConfigError


@pytest.fixture(scope="module")
def rows(real):
    return real.references(6000)


def test_real_images_score_near_the_ideal(rows):
    floor = rows["floor"]
    assert floor.n == 6000
    assert floor.fd < 6  # 2.2 for 10,000 drawn from all training images; fewer, and of fewer writers, are further off
    assert floor.precision > 0.9
    assert floor.coverage > 0.8  # 0.95 for 10,000
    assert floor.class_tv < 0.03
    assert floor.classifier_score > 9.6
    assert floor.confidence > 0.98


def test_every_spoilt_row_is_further_from_the_test_images_than_real_ones(rows):
    assert tuple(rows) == REFERENCES
    assert all(rows[name].fd > 1.4 * rows["floor"].fd for name in REFERENCES[1:])


def test_precision_and_the_classifier_score_do_not_see_repetition_but_recall_and_coverage_do(rows):
    floor, repeated = rows["floor"], rows["1000 repeated"]
    assert abs(repeated.precision - floor.precision) < 0.05
    assert abs(repeated.classifier_score - floor.classifier_score) < 0.3
    assert repeated.recall < 0.1
    assert repeated.coverage < 0.5


def test_a_blur_looks_more_precise_than_real_images_and_covers_less(rows):
    assert rows["blur"].precision > rows["floor"].precision
    assert rows["blur"].coverage < 0.7


def test_a_missing_class_is_seen_in_the_balance_of_classes(rows):
    assert rows["no 1s"].class_tv == pytest.approx(0.113, abs=0.02)  # the share of 1s among the test images
    assert rows["no 1s"].coverage < rows["floor"].coverage - 0.05


def test_repeated_training_images_are_at_no_distance_and_the_test_images_at_one(rows, real):
    assert rows["100 repeated"].nearest == 0
    assert real.score(real.test).nearest == pytest.approx(1)


def test_test_images_against_themselves_are_perfect(real):
    score = real.score(real.test, load_images("t10k").labels)
    assert score.fd == pytest.approx(0, abs=1e-6)
    assert (score.recall, score.coverage, score.precision, score.class_tv) == (1, 1, 1, 0)
    assert score.agreement > 0.99
    assert real.score(real.training.of(torch.arange(3000))).agreement is None


def test_a_single_white_pixel_blurs_into_nine():
    pixels = torch.zeros(1, 28, 28, dtype=torch.uint8)
    pixels[0, 10, 10] = 255
    smeared = blur(pixels)
    assert (smeared[0, 9:12, 9:12] == 28).all()
    assert smeared.sum() == 9 * 28


def test_noise_has_the_stated_spread():
    grey = torch.full((20, 28, 28), 128, dtype=torch.uint8)
    assert noisy(grey).float().std().item() / 255 == pytest.approx(0.1, abs=0.005)
    assert torch.equal(noisy(grey), noisy(grey))


@pytest.mark.parametrize("count", [0, 4999, 50_001])
def test_a_score_of_too_few_or_too_many_images_is_refused(count):
    with pytest.raises(ConfigError, match=rf"count: {count} is not at"):
        check_count(count)
