import pytest
import torch

from palingen.gan.evaluation.metrics import frechet_distance
from palingen.gan.objectives.frechet_loss import FrechetLoss
from palingen.runtime.errors import DivergenceError

CPU = torch.device("cpu")


def correlated(count, shift=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.eye(6) + 0.1 * torch.randn(6, 6, generator=torch.Generator().manual_seed(9))
    return torch.randn(count, 6, generator=generator) @ mixing + shift


@pytest.fixture
def loss():
    frechet = FrechetLoss(1, 6, CPU)
    frechet.set_real(correlated(4000), None)
    return frechet


def test_the_distance_is_that_of_the_scores(loss):
    fake = 1.3 * correlated(3000, 0.4, seed=1)
    loss.start([loss.moments(fake)])
    assert loss.first.item() == pytest.approx(frechet_distance(correlated(4000), fake), rel=1e-3)


def test_features_that_are_not_finite_are_a_divergence_with_the_setting_to_lower(loss):
    with pytest.raises(DivergenceError, match="try a smaller frechet_learning_rate"):
        loss.start([loss.moments(torch.full((100, 6), torch.inf))])


def test_the_gradient_is_that_of_the_distance_by_automatic_differentiation(loss):
    fake = 1.3 * correlated(500, 0.4, seed=1)
    loss.start([loss.moments(fake)])
    variable = fake.double().requires_grad_()
    mean = variable.mean(0)
    covariance = variable.T @ variable / len(variable) - mean.outer(mean)
    root, real = loss.real_root[0], loss.real_covariance[0]
    roots = torch.linalg.eigvalsh(root @ covariance @ root).sqrt().sum()
    distance = (mean - loss.real_mean[0]).square().sum() + covariance.trace() + real.trace() - 2 * roots
    (expected,) = torch.autograd.grad(distance / distance.detach(), variable)
    torch.testing.assert_close(loss.gradient(fake).double(), expected, rtol=1e-4, atol=1e-7)


def test_classes_are_compared_one_by_one():
    labels = torch.arange(2).repeat_interleave(1000)
    real = torch.cat([correlated(1000, -1.0), correlated(1000, 1.0, seed=1)])
    loss = FrechetLoss(2, 6, CPU)
    loss.set_real(real, labels)
    loss.start([loss.moments(real)])
    assert loss.first.item() == pytest.approx(0, abs=0.02)
    exchanged = real.roll(1000, 0)
    loss.start([loss.moments(exchanged)])
    halves = [frechet_distance(real[labels == k], exchanged[labels == k]) for k in (0, 1)]
    assert loss.first.item() == pytest.approx(sum(halves) / 2, rel=0.01)


def test_the_derivative_by_the_covariance_is_the_identity_where_real_images_are_alike():
    loss = FrechetLoss(1, 6, CPU)
    loss.set_real(torch.ones(10, 6), None)
    loss.start([loss.moments(correlated(500))])
    torch.testing.assert_close(loss.weight[0], torch.eye(6))


def test_steps_against_the_gradient_bring_the_distance_down(loss):
    scale, shift = torch.full((6,), 1.5), torch.full((6,), 0.5)
    for step in range(120):
        fake = scale * correlated(500, seed=step + 2) + shift
        if step == 0:
            loss.start([loss.moments(fake)])
        loss.update_moments(loss.moments(fake))
        loss.update_weight()
        gradient = loss.gradient(fake)
        scale = scale - 0.3 * (gradient * correlated(500, seed=step + 2)).sum(0)
        shift = shift - 0.3 * gradient.sum(0)
    final = frechet_distance(correlated(4000), scale * correlated(4000, seed=1) + shift)
    assert final < 0.1 * loss.first.item()


def test_the_state_restores_the_moments(loss):
    loss.start([loss.moments(correlated(500, 0.3, seed=1))])
    other = FrechetLoss(1, 6, CPU)
    other.load_state_dict({name: tensor.clone() for name, tensor in loss.state_dict().items()})
    features = correlated(50, seed=5)
    assert torch.equal(loss.gradient(features), other.gradient(features))
