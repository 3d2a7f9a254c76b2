import pytest
import torch
from torch import nn

from palingen.gan.config import GanConfig
from palingen.gan.objectives.schedules import cosine_interpolate, penalty_weight, update_adam


@pytest.fixture
def optimizer():
    return torch.optim.Adam([nn.Parameter(torch.zeros(1))])


def test_half_a_cosine_goes_from_start_to_end_through_their_mean():
    assert cosine_interpolate(1, 0.1, 0) == 1
    assert cosine_interpolate(1, 0.1, 1) == pytest.approx(0.1)
    assert cosine_interpolate(1, 0.1, 0.5) == pytest.approx(0.55)


def test_half_a_cosine_between_equal_numbers_is_that_number_exactly():
    assert all(cosine_interpolate(2e-4, 2e-4, step / 7) == 2e-4 for step in range(8))


def test_penalty_weight_learning_rate_and_beta2_end_at_their_final_values(optimizer):
    config = GanConfig(
        learning_rate=1e-3,
        lr_final_ratio=0.1,
        penalty_weight=0.5,
        penalty_weight_final_ratio=0.1,
        beta1=0.5,
        beta2=0.9,
        beta2_final=0.99,
    )
    update_adam(optimizer, config, 1.0)
    (group,) = optimizer.param_groups
    assert group["lr"] == pytest.approx(1e-4)
    assert group["betas"] == (0.5, pytest.approx(0.99))
    assert penalty_weight(config, 1.0) == pytest.approx(0.05)


def test_the_learning_rate_rises_linearly_during_the_warmup(optimizer):
    config = GanConfig(warmup_fraction=0.2)
    for progress, fraction in ((0.05, 0.25), (0.1, 0.5), (0.2, 1), (0.9, 1)):
        update_adam(optimizer, config, progress)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(fraction * config.learning_rate)


def test_a_geometric_schedule_passes_through_the_geometric_mean(optimizer):
    config = GanConfig(
        learning_rate=1e-3,
        lr_final_ratio=0.01,
        penalty_weight=1.0,
        penalty_weight_final_ratio=0.04,
        schedule="geometric",
    )
    for progress, lr, weight in ((0.0, 1e-3, 1.0), (0.5, 1e-4, 0.2), (1.0, 1e-5, 0.04)):
        update_adam(optimizer, config, progress)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(lr)
        assert penalty_weight(config, progress) == pytest.approx(weight)


def test_a_given_learning_rate_replaces_that_of_the_schedule(optimizer):
    update_adam(optimizer, GanConfig(), 0.5, lr=0.123)
    assert optimizer.param_groups[0]["lr"] == 0.123


def test_without_schedules_everything_is_constant(optimizer):
    config = GanConfig(learning_rate=3e-4, beta1=0.4, beta2=0.8, penalty_weight=2.0)
    for progress in (0.01, 0.7, 1.0):
        update_adam(optimizer, config, progress)
        assert optimizer.param_groups[0]["lr"] == 3e-4
        assert optimizer.param_groups[0]["betas"] == (0.4, 0.8)
        assert penalty_weight(config, progress) == 2.0
