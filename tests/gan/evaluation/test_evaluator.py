import pytest
import torch

from palingen.gan.data.mnist import validation_order
from palingen.gan.evaluation.classifier_pair import ClassifierPair
from palingen.gan.evaluation.controls import CONTROLS
from palingen.gan.evaluation.evaluator import Evaluator, require_count
from palingen.runtime.errors import ConfigError

COUNT = 6000
"""Images of a control; shared by the tests of other files, since the controls take a while."""


@pytest.fixture(scope="module")
def controls(evaluator):
    return {name: summary.mean for name, summary in evaluator.controls(COUNT).items()}


def test_real_images_score_near_the_ideal(controls):
    floor = controls["floor"]
    assert floor.n == COUNT
    # 2.2 for 10,000 of all training images; fewer images, by fewer writers, are further from the test images
    assert floor.fd < 7
    assert floor.precision > 0.9
    assert floor.coverage > 0.75  # 0.95 for 10,000
    assert floor.class_tv < 0.03
    assert floor.inception_score > 9.6
    assert floor.mean_confidence > 0.98


def test_the_kernel_distance_of_real_images_is_near_zero(controls):
    """Test images in the order of their file, in which blocks differ more than random ones, would add 15."""
    assert abs(controls["floor"].kid) < 8
    assert all(controls[name].kid > controls["floor"].kid + 10 for name in ("blur", "noise", "no 1s"))


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


def test_copies_of_training_images_are_at_distance_zero(controls):
    assert controls["100 repeated"].nearest_train_ratio == 0


def test_test_images_compared_with_themselves_are_perfect(evaluator):
    score = evaluator.score(evaluator.real, evaluator.real_images.labels)
    assert score.fd == pytest.approx(0, abs=1e-6)
    assert score.fd_second == pytest.approx(0, abs=1e-6)
    assert score.nearest_train_ratio == pytest.approx(1)
    assert score.low_confidence_fraction == evaluator.low_confidence_fraction
    assert (score.recall, score.coverage, score.precision, score.class_tv) == (1, 1, 1, 0)
    assert score.class_accuracy > 0.99


def test_without_requested_classes_there_is_no_class_accuracy(evaluator):
    output = evaluator.training_output.select(torch.arange(3000))
    assert evaluator.score(output).class_accuracy is None


def test_every_control_is_a_mean_over_random_subsets_with_a_standard_deviation(evaluator):
    floor = evaluator.controls(COUNT)["floor"]
    order = torch.randperm(20_000, generator=torch.Generator().manual_seed(1))
    second = evaluator.score(evaluator.training_output.select(order[:COUNT]))
    first = 2 * floor.mean.fd - second.fd  # the mean of two
    assert floor.std["fd"] == pytest.approx(abs(first - second.fd) / 2**0.5)
    assert floor.std["fd"] > 0


def test_both_classifiers_find_the_corrupted_controls_further_away_than_real_images(controls):
    assert all(controls[name].fd_second > 1.4 * controls["floor"].fd_second for name in CONTROLS[1:])


def test_on_the_validation_part_the_floor_is_the_only_control_and_the_second_classifier_is_silent(evaluator):
    training = evaluator.training_images
    pair = ClassifierPair(evaluator.classifier, None)
    parts = training.select(torch.arange(2000)), training.select(torch.arange(2000, 4000))
    validation = Evaluator(pair, *parts, "validation", num_subsets=2)
    (name,), (floor,) = zip(*validation.controls(2000).items(), strict=True)
    assert (name, floor.mean.fd_second) == ("floor", None)
    assert floor.std == {}  # all of the other images: there is one subset
    assert validation.controls(1000)["floor"].std["fd"] > 0
    assert validation.controls(1000) is validation.controls(1000)  # computed once


def test_the_validation_part_is_half_of_the_training_images_and_none_of_the_others():
    first, second = validation_order(60_000).chunk(2)
    assert (len(first), len(second)) == (30_000, 30_000)
    assert len(torch.cat([first, second]).unique()) == 60_000
    assert torch.equal(first, validation_order(60_000)[:30_000])


@pytest.mark.parametrize(("count", "rule"), [(4999, "at least 5000"), (30_001, "at most 30000")])
def test_the_validation_part_has_limits_of_its_own(count, rule):
    with pytest.raises(ConfigError, match=rf"^count={count}: must be {rule}"):
        require_count(count, "validation")


@pytest.mark.parametrize(("count", "rule"), [(0, "at least 5000"), (4999, "at least 5000"), (50_001, "at most 50000")])
def test_too_few_or_too_many_images_are_refused(count, rule):
    with pytest.raises(ConfigError, match=rf"^count={count}: must be {rule}"):
        require_count(count)


@pytest.mark.parametrize("count", [5000, 50_000])
def test_the_fewest_and_the_most_images_are_accepted(count):
    require_count(count)
