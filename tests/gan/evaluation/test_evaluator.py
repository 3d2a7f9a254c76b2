import pytest
import torch

from palingen.gan.data.mnist import load_images
from palingen.gan.evaluation.controls import CONTROLS
from palingen.gan.evaluation.evaluator import require_count
from palingen.runtime.errors import ConfigError


@pytest.fixture(scope="module")
def controls(evaluator):
    return evaluator.controls(6000)


def test_real_images_score_near_the_ideal(controls):
    floor = controls["floor"]
    assert floor.n == 6000
    # 2.2 for 10,000 of all training images; fewer images, by fewer writers, are further from the test images
    assert floor.fd < 6
    assert floor.precision > 0.9
    assert floor.coverage > 0.8  # 0.95 for 10,000
    assert floor.class_tv < 0.03
    assert floor.inception_score > 9.6
    assert floor.mean_confidence > 0.98


def test_every_corrupted_control_is_further_from_the_test_images_than_real_ones(controls):
    assert tuple(controls) == CONTROLS
    assert all(controls[name].fd > 1.4 * controls["floor"].fd for name in CONTROLS[1:])


def test_repetition_changes_recall_and_coverage_but_neither_precision_nor_inception_score(controls):
    floor, repeated = controls["floor"], controls["1000 repeated"]
    assert abs(repeated.precision - floor.precision) < 0.05
    assert abs(repeated.inception_score - floor.inception_score) < 0.3
    assert repeated.recall < 0.1
    assert repeated.coverage < 0.5


def test_blurred_images_have_a_higher_precision_and_a_lower_coverage_than_real_ones(controls):
    assert controls["blur"].precision > controls["floor"].precision
    assert controls["blur"].coverage < 0.7


def test_a_missing_class_shows_in_class_frequencies_and_coverage(controls):
    assert controls["no 1s"].class_tv == pytest.approx(0.113, abs=0.02)  # the frequency of ones in the test images
    assert controls["no 1s"].coverage < controls["floor"].coverage - 0.05


def test_copies_of_training_images_are_at_distance_zero_and_test_images_at_one(controls, evaluator):
    assert controls["100 repeated"].nearest_train_ratio == 0
    assert evaluator.score(evaluator.test).nearest_train_ratio == pytest.approx(1)


def test_test_images_compared_with_themselves_are_perfect(evaluator):
    score = evaluator.score(evaluator.test, load_images("t10k").labels)
    assert score.fd == pytest.approx(0, abs=1e-6)
    assert (score.recall, score.coverage, score.precision, score.class_tv) == (1, 1, 1, 0)
    assert score.class_accuracy > 0.99


def test_without_requested_classes_there_is_no_class_accuracy(evaluator):
    assert evaluator.score(evaluator.training.select(torch.arange(3000))).class_accuracy is None


def test_controls_are_computed_once_for_each_number_of_images(evaluator, controls):
    assert evaluator.controls(6000) is controls


@pytest.mark.parametrize(("count", "rule"), [(0, "at least 5000"), (4999, "at least 5000"), (50_001, "at most 50000")])
def test_too_few_or_too_many_images_are_refused(count, rule):
    with pytest.raises(ConfigError, match=rf"^count={count}: must be {rule}"):
        require_count(count)


@pytest.mark.parametrize("count", [5000, 50_000])
def test_the_fewest_and_the_most_images_are_accepted(count):
    require_count(count)
