import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prdc.prdc import compute_prdc
from scipy.linalg import sqrtm
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from palingen.gan.evaluation import metrics
from palingen.gan.evaluation.metrics import (
    PRDC,
    class_accuracy,
    class_frequencies,
    frechet_distance,
    inception_score,
    kid,
    knn_radii,
    mean_confidence,
    nearest_distances,
    prdc,
    total_variation,
)


def normal(count, dimensions=8, seed=0):
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed)).double()


torchmetrics_warns = pytest.mark.filterwarnings("ignore:Metric .* will save all extracted features:UserWarning")

seeds = st.integers(0, 10_000)
probabilities = st.tuples(seeds, st.integers(2, 50), st.floats(0.1, 20)).map(
    lambda example: (example[2] * normal(example[1], 10, example[0])).softmax(1)
)
"""Class probabilities from a seed, a number of images and a scale of the logits."""


class Identity(nn.Module):
    """Feature extractor for torchmetrics whose images are the features."""

    num_features = 8

    def forward(self, images):
        return images.flatten(1)


def compute(metric, real, fake):
    """Value of a metric of torchmetrics for features, passed as images."""
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return metric.compute()


def test_frechet_distance_of_a_set_to_itself_is_zero():
    assert frechet_distance(normal(100), normal(100)) == pytest.approx(0, abs=1e-12)


@given(seed=seeds, shift=st.floats(-5, 5))
def test_frechet_distance_of_shifted_sets_is_the_squared_shift(seed, shift):
    real = normal(50, seed=seed)
    assert frechet_distance(real, real + shift) == pytest.approx(8 * shift**2, abs=1e-9)


@given(seed=seeds, scale=st.floats(0.1, 5))
def test_frechet_distance_of_scaled_centred_sets_is_the_squared_difference_of_their_deviations(seed, scale):
    real = normal(50, seed=seed)
    real -= real.mean(0)
    expected = (1 - scale) ** 2 * real.T.cov().trace()
    assert frechet_distance(real, scale * real) == pytest.approx(expected.item(), abs=1e-9)


def test_frechet_distance_equals_its_definition_with_a_matrix_root():
    real, fake = normal(200), normal(300, seed=1) @ normal(8, seed=2)
    covariances = [np.cov(part.numpy().T) for part in (real, fake)]
    trace = np.trace(covariances[0] + covariances[1] - 2 * sqrtm(covariances[0] @ covariances[1]).real)
    shift = (real.mean(0) - fake.mean(0)).square().sum().item()
    assert frechet_distance(real, fake) == pytest.approx(shift + trace, rel=1e-9)


def test_frechet_distance_is_finite_with_constant_features_and_fewer_images_than_features():
    real, fake = torch.relu(normal(5)), torch.relu(normal(6, seed=1))
    real[:, 3] = fake[:, 3] = 0
    assert 0 < frechet_distance(real, fake) < math.inf


@torchmetrics_warns
def test_frechet_distance_equals_that_of_torchmetrics():
    real, fake = normal(100), 1.3 * normal(100, seed=1) + 0.2
    reference = FrechetInceptionDistance(feature=Identity(), normalize=True).set_dtype(torch.float64)
    assert frechet_distance(real, fake) == pytest.approx(compute(reference, real, fake).item(), rel=1e-6)


@torchmetrics_warns
def test_kid_equals_that_of_torchmetrics():
    real, fake = normal(100), 1.3 * normal(100, seed=1) + 0.2
    reference = KernelInceptionDistance(feature=Identity(), subsets=1, subset_size=100, normalize=True)
    mean, _ = compute(reference, real, fake)
    assert kid(real, fake) == pytest.approx(mean.item(), rel=1e-6)


def test_kid_of_equal_distributions_is_zero_on_average():
    estimates = [kid(normal(40, seed=2 * s), normal(40, seed=2 * s + 1)) for s in range(200)]
    assert abs(np.mean(estimates)) < 3 * np.std(estimates) / math.sqrt(200)
    assert min(estimates) < 0  # an unbiased estimate may be below zero


def test_kid_is_the_mean_over_disjoint_blocks():
    real, fake = normal(70), normal(65, seed=1)
    blocks = [kid(real[s : s + 30], fake[s : s + 30]) for s in (0, 30)]
    assert kid(real, fake, block=30) == pytest.approx(np.mean(blocks))


@given(seed=seeds, count=st.integers(7, 60), k=st.integers(1, 5))
@settings(max_examples=40)
def test_precision_recall_density_and_coverage_equal_those_of_the_package_prdc(seed, count, k):
    real, fake = normal(count, seed=seed), 1.5 * normal(30, seed=seed + 1)
    reference = compute_prdc(real.numpy(), fake.numpy(), k)
    assert vars(prdc(real, fake, k)) == pytest.approx(reference, abs=1e-12)


def test_given_radii_change_nothing():
    real, fake = normal(50), 1.2 * normal(40, seed=1)
    assert prdc(real, fake, real_radii=knn_radii(real)) == prdc(real, fake)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_the_size_of_a_chunk_changes_nothing(monkeypatch, chunk):
    real, fake = normal(50), 1.2 * normal(40, seed=1)
    expected_prdc, expected_distances = prdc(real, fake), nearest_distances(real, fake)
    monkeypatch.setattr(metrics, "CHUNK", chunk)
    assert prdc(real, fake) == expected_prdc
    torch.testing.assert_close(nearest_distances(real, fake), expected_distances)


def test_sets_far_apart_have_precision_recall_density_and_coverage_zero():
    assert prdc(normal(20), normal(20) + 1000) == PRDC(0, 0, 0, 0)


def test_five_repeated_images_have_precision_one_and_recall_zero():
    real = normal(500)
    repeated = prdc(real, real[:5].repeat(100, 1) + 1e-3)
    assert repeated.precision == 1
    assert repeated.recall == 0
    assert repeated.coverage < 0.3


def test_a_radius_is_the_squared_distance_to_the_kth_nearest_other_image():
    line = torch.tensor([[0.0], [1.0], [3.0], [7.0]]).double()
    assert knn_radii(line, 1).tolist() == pytest.approx([1, 1, 4, 16])
    assert knn_radii(line, 2).tolist() == pytest.approx([9, 4, 9, 36])


def test_no_more_images_than_neighbours_are_refused():
    with pytest.raises(ValueError, match="5 images have no 5 neighbours; pass at least 6"):
        knn_radii(normal(5))


def test_the_distance_to_the_nearest_other_image_is_zero_for_a_copy():
    training = normal(300).float()
    images = torch.cat([training[[7, 8]], normal(50, seed=1).float()])
    distances = nearest_distances(images, training)
    assert distances[:2].tolist() == [0, 0]
    torch.testing.assert_close(distances, torch.cdist(images, training).amin(1), rtol=1e-4, atol=1e-3)


@torchmetrics_warns
@pytest.mark.filterwarnings("ignore:std:UserWarning")  # torchmetrics: of the single split
@given(p=probabilities)
def test_inception_score_equals_that_of_torchmetrics(p):
    reference = InceptionScore(feature=Identity(), splits=1)
    reference.update(p.log())
    assert inception_score(p) == pytest.approx(reference.compute()[0].item(), rel=1e-5)


def test_inception_score_is_the_number_of_balanced_confident_classes_and_one_without_confidence():
    assert inception_score(torch.eye(10)) == pytest.approx(10)
    assert inception_score(torch.full((7, 10), 0.1)) == pytest.approx(1)
    assert inception_score(torch.eye(10)[[3, 3, 3]]) == pytest.approx(1)


def test_class_metrics_of_four_images():
    p = torch.tensor([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.2, 0.8, 0], [1, 0, 0]])
    frequencies = class_frequencies(p)
    assert frequencies.tolist() == [0.75, 0.25, 0]
    assert total_variation(frequencies, torch.tensor([0.25, 0.25, 0.5]).double()) == 0.5
    assert mean_confidence(p) == pytest.approx((0.9 + 0.6 + 0.8 + 1) / 4)
    assert class_accuracy(p, torch.tensor([0, 1, 1, 0])) == 0.75


@given(one=probabilities, other=probabilities)
def test_total_variation_is_a_distance_between_zero_and_one(one, other):
    a, b = class_frequencies(one), class_frequencies(other)
    assert total_variation(a, a) == 0
    assert total_variation(a, b) == total_variation(b, a)
    assert 0 <= total_variation(a, b) <= 1
