import pytest
import torch
from torch import nn
from torch.nn import functional

from palingen.gan.steps.layer_recorder import LayerRecorder, NotPiecewiseLinearError


class EveryLayer(nn.Module):
    """Every supported layer: strides, groups, dilation, a layer used twice, no bias, pooling and a changed order."""

    def __init__(self):
        super().__init__()
        self.strided = nn.Conv2d(1, 4, 4, stride=2, padding=1)
        self.grouped = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.dilated = nn.Conv2d(4, 6, 3, padding=2, dilation=2, bias=False)
        self.fc = nn.Linear(6 * 7 * 7, 5)
        self.head = nn.Linear(5, 1, bias=False)

    def forward(self, images):
        features = self.grouped(functional.leaky_relu(self.strided(images), 0.2))
        features = features + self.grouped(functional.leaky_relu(features))
        features = functional.avg_pool2d(self.dilated(features), 2).permute(0, 2, 3, 1).flatten(1)
        return self.head(functional.leaky_relu(self.fc(features), negative_slope=0.3)).flatten()


def test_recorded_gradients_equal_those_of_double_backward():
    torch.manual_seed(0)
    network, images = EveryLayer().double(), torch.randn(3, 1, 28, 28, dtype=torch.float64, requires_grad=True)
    tangents, coefficients = torch.randn_like(images).detach(), torch.randn(3, dtype=torch.float64)

    logits = network(images)
    (dD_dimages,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    objective = coefficients @ logits + (tangents * dD_dimages).sum()
    expected = torch.autograd.grad(objective, list(network.parameters()))

    recorder = LayerRecorder()
    with recorder:
        recorded_logits = network(images)
    torch.testing.assert_close(recorded_logits, logits)
    torch.testing.assert_close(torch.autograd.grad(recorded_logits.sum(), images)[0], dD_dimages)
    gradients = recorder.gradients(network, tangents, coefficients)
    torch.testing.assert_close([gradients[parameter] for parameter in network.parameters()], list(expected))


OFFSET = nn.Parameter(torch.ones(784))


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (lambda features: features + 1, "torch.Tensor.add"),
        (lambda features: features + OFFSET, "torch.Tensor.add"),
        (torch.abs, "torch.abs"),
        (torch.sigmoid, "torch.sigmoid"),
        (lambda features: features * features, "torch.Tensor.mul"),
        (functional.relu, "torch.nn.functional.relu"),
    ],
)
def test_an_operation_that_maps_tangents_and_images_differently_is_refused_by_name(operation, name):
    linear, images = nn.Linear(784, 784), torch.randn(2, 784, requires_grad=True)
    with pytest.raises(NotPiecewiseLinearError, match=f"^{name}$"), LayerRecorder():
        operation(linear(images))


def test_a_convolution_with_named_padding_is_refused():
    layer, images = nn.Conv2d(1, 1, 3, padding="same"), torch.randn(2, 1, 28, 28, requires_grad=True)
    with pytest.raises(NotPiecewiseLinearError, match="a convolution with padding='same'"), LayerRecorder():
        layer(images)


def test_a_linear_layer_on_more_than_two_axes_is_refused():
    layer, rows = nn.Linear(28, 4), torch.randn(2, 28, 28, requires_grad=True)
    with pytest.raises(NotPiecewiseLinearError, match=r"^a linear layer on 3 axes$"), LayerRecorder():
        layer(rows)


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (lambda images, weight: functional.leaky_relu(images, 0.2, inplace=True), "a LeakyReLU with inplace=True"),
        (lambda images, weight: functional.linear(images, weight.T), "a layer whose weights are computed from others"),
        (lambda images, weight: functional.linear(input=images, weight=weight), "a layer that is given its input by"),
    ],
)
def test_a_layer_that_it_would_record_wrongly_is_refused(operation, name):
    weight, images = nn.Parameter(torch.ones(8, 8)), torch.randn(2, 8, requires_grad=True)
    with pytest.raises(NotPiecewiseLinearError, match=name), LayerRecorder():
        operation(images, weight)
