import copy
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from palingen.gan.models.init import LEAKY_SLOPE
from palingen.gan.steps.residual.convolution import NativeConvolution
from palingen.gan.steps.residual.library import unavailable_reason

pytestmark = pytest.mark.skipif(unavailable_reason() is not None, reason=f"native: {unavailable_reason()}")

LAYERS = [
    (nn.Conv2d(48, 96, 4, stride=2, padding=1), 14, 9, False),
    (nn.Conv2d(96, 96, 3, padding=1), 7, 17, False),
    (nn.Conv2d(16, 80, 5, stride=2, padding=2, bias=False), 9, 3, False),
    (nn.Conv2d(64, 32, 1), 5, 1, False),
    (nn.Conv2d(32, 16, 3, stride=2), 8, 8, False),
    (nn.Conv2d(1, 48, 4, stride=2, padding=1), 28, 5, True),
    (nn.Conv2d(3, 16, 4, stride=2, padding=1), 28, 2, True),
]
"""Layer, height and width of its input, images, and whether the images are unfolded."""


class Case(NamedTuple):
    native: NativeConvolution
    exact: nn.Conv2d
    """The same layer of torch in float32, with weights rounded to bfloat16."""

    images: Tensor
    tangents: Tensor
    grad_output: Tensor

    def columns(self, images):
        """Input of the native layer."""
        return self.native.unfold(images) if self.native.input[2] != images.shape[1] else channels_last(images)


@pytest.fixture(params=LAYERS, ids=lambda parameter: str(parameter[0]))
def case(request):
    torch.manual_seed(0)
    layer, size, images, unfolds = copy.deepcopy(request.param)
    native, exact = NativeConvolution(layer, size, unfolds=unfolds), copy.deepcopy(layer)
    native.cast()
    exact.weight.data = layer.weight.data.bfloat16().float()
    grad_output = rounded_normal(images, layer.out_channels, *native.output[:2])
    return Case(native, exact, *(rounded_normal(images, layer.in_channels, size, size) for _ in range(2)), grad_output)


def rounded_normal(*shape):
    return torch.randn(*shape).bfloat16().float()


def channels_last(images):
    return images.bfloat16().permute(0, 2, 3, 1).contiguous()


def channels_first(features):
    return features.float().permute(0, 3, 1, 2)


def assert_rounded(actual, expected):
    """Equal up to one rounding to bfloat16, and to the order of float32 sums."""
    torch.testing.assert_close(channels_first(actual), expected, rtol=2**-8, atol=1e-5)


def test_the_output_is_that_of_torch_up_to_one_rounding(case):
    output = case.native.forward(case.columns(case.images), bias=case.exact.bias is not None)
    assert_rounded(output, case.exact(case.images).detach())


def test_gradients_are_those_of_autograd(case):
    images, columns = case.images.clone().requires_grad_(), case.columns(case.images)
    variables = [images, *case.exact.parameters()]
    expected, *parameter_grads = torch.autograd.grad(case.exact(images), variables, case.grad_output)
    grad_output = channels_last(case.grad_output)
    if case.native.input[2] == images.shape[1]:
        assert_rounded(case.native.backward(grad_output), expected)
    else:
        torch.testing.assert_close(case.native.backward_to_images(grad_output), expected, rtol=1e-4, atol=1e-4)
    case.native.write_weight_grad(columns, grad_output)
    case.native.write_bias_grad(grad_output)
    gradients = [parameter.grad for parameter in case.native.layer.parameters()]
    torch.testing.assert_close(gradients, parameter_grads, rtol=1e-4, atol=1e-3)
    assert gradients[0].stride() == case.native.layer.weight.stride()


def test_coefficients_and_tangents_enter_the_weight_gradient(case):
    coefficients = torch.randn(len(case.images))
    inputs = (coefficients.view(-1, 1, 1, 1) * case.images + case.tangents).bfloat16().float()
    (expected,) = torch.autograd.grad(case.exact(inputs), case.exact.weight, case.grad_output)
    columns = case.columns(case.images), channels_last(case.grad_output), case.columns(case.tangents)
    case.native.write_weight_grad(*columns, coefficients)
    torch.testing.assert_close(case.native.layer.weight.grad, expected, rtol=1e-4, atol=1e-3)


def test_results_do_not_depend_on_the_number_of_threads(case):
    columns, grad_output = case.columns(case.images), channels_last(case.grad_output)
    threads, results = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            case.native.write_weight_grad(columns, grad_output)
            backward = case.native.backward(grad_output)
            results.append((case.native.forward(columns), backward, case.native.layer.weight.grad))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))


def test_element_wise_work_is_that_of_separate_operations():
    torch.manual_seed(0)
    layer = nn.Conv2d(32, 48, 3, padding=1)
    layer.weight.data = layer.weight.data.bfloat16().float()
    native = NativeConvolution(layer, 6)
    native.cast()
    images, (addend, reference, late) = rounded_normal(5, 32, 6, 6), (rounded_normal(5, 48, 6, 6) for _ in range(3))
    sums, options = layer(images).detach() + addend, {"bias": True, "addend": channels_last(addend)}
    activated = native.forward(channels_last(images), activates=True, **options)
    assert_rounded(activated, leaky_relu(sums, LEAKY_SLOPE))
    options |= {"reference": channels_last(reference), "late_addend": channels_last(late)}
    masked = native.forward(channels_last(images), **options)
    assert_rounded(masked, torch.where(reference > 0, sums, LEAKY_SLOPE * sums) + late)


def test_a_transposed_convolution_is_the_input_gradient():
    torch.manual_seed(0)
    layer = nn.ConvTranspose2d(96, 48, 4, stride=2, padding=1)
    layer.weight.data = layer.weight.data.bfloat16().float()
    native = NativeConvolution(layer, 14)
    native.cast()
    images = rounded_normal(3, 96, 7, 7)
    assert_rounded(native.backward(channels_last(images), bias=True), layer(images).detach())
