import pytest
import torch
from torch import nn
from torch.nn import functional

from palingen.adversarial import steps as steps_module
from palingen.adversarial.experiment import GanRun
from palingen.adversarial.pieces import NotPiecewiseLinearError, Way
from palingen.adversarial.steps import Steps


class Everything(nn.Module):
    """Every layer that may be there: strides, groups, a weight used twice, no bias, means and a changed order."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 4, 4, stride=2, padding=1)
        self.twice = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.wide = nn.Conv2d(4, 6, 3, padding=2, dilation=2, bias=False)
        self.read = nn.Linear(6 * 7 * 7, 5)
        self.judge = nn.Linear(5, 1, bias=False)

    def forward(self, images):
        maps = self.twice(functional.leaky_relu(self.first(images), 0.2))
        maps = maps + self.twice(functional.leaky_relu(maps))
        maps = functional.avg_pool2d(self.wide(maps), 2).permute(0, 2, 3, 1).flatten(1)
        return self.judge(functional.leaky_relu(self.read(maps), negative_slope=0.3)).flatten()


def test_the_gradients_are_those_of_differentiating_twice():
    torch.manual_seed(0)
    network, images = Everything().double(), torch.randn(3, 1, 28, 28, dtype=torch.float64, requires_grad=True)
    directions, factors = torch.randn_like(images).detach(), torch.randn(3, dtype=torch.float64)

    logits = network(images)
    (slopes,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    expected = torch.autograd.grad(factors @ logits + (directions * slopes).sum(), list(network.parameters()))

    way = Way()
    with way:
        judged = network(images)
    torch.testing.assert_close(judged, logits)
    torch.testing.assert_close(torch.autograd.grad(judged.sum(), images)[0], slopes)
    gradients = way.gradients(network, directions, factors)
    torch.testing.assert_close([gradients[weight] for weight in network.parameters()], list(expected))


OFFSET = nn.Parameter(torch.ones(784))


@pytest.mark.parametrize("between", [lambda maps: maps + 1, lambda maps: maps + OFFSET, torch.abs])
def test_what_a_direction_would_not_go_through_as_an_image_does_is_refused(between):
    read, images = nn.Linear(784, 784), torch.randn(2, 784, requires_grad=True)
    with pytest.raises(NotPiecewiseLinearError), Way():
        between(read(images))


class Curved(nn.Module):
    def __init__(self):
        super().__init__()
        self.read = nn.Linear(784, 1)

    def forward(self, images):
        return self.read(torch.sigmoid(images.flatten(1))).flatten()


def test_a_curved_discriminator_is_told_and_played_another_way(monkeypatch):
    generator, curved = nn.Sequential(nn.Linear(3, 784), nn.Unflatten(1, (1, 28, 28))), Curved()
    steps = Steps(GanRun(loss="relativistic", penalty="r1-r2", gamma=0.5), generator, curved)
    real, latents = torch.randn(4, 1, 28, 28), torch.randn(4, 3)
    with pytest.raises(NotPiecewiseLinearError, match="sigmoid"), Way():
        curved(real)

    monkeypatch.setattr(steps_module, "play_by_pieces", None)
    steps.play(real, latents)
    found = curved.read.weight.grad.clone()

    images = torch.cat([real, generator(latents).detach()]).requires_grad_()
    logits = curved(images)
    (slopes,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    held = 0.5 * slopes.square().flatten(1).sum(1).view(2, 4).mean(1).sum() / 2
    loss = functional.softplus(logits[4:] - logits[:4]).mean() + held
    torch.testing.assert_close(found, torch.autograd.grad(loss, curved.read.weight)[0])
