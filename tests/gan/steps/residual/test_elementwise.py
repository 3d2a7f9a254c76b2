import pytest
import torch
from torch.nn.functional import avg_pool2d, leaky_relu

from palingen.gan.models.init import LEAKY_SLOPE
from palingen.gan.steps.residual.elementwise import activate_and_pool, add_pool_gradient, channel_sums
from palingen.gan.steps.residual.library import unavailable_reason

pytestmark = pytest.mark.skipif(unavailable_reason() is not None, reason=f"native: {unavailable_reason()}")


def features(images=3, height=6, width=4, channels=32):
    return torch.randn(images, height, width, channels).bfloat16()


def means(tensor):
    return avg_pool2d(tensor.float().permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1).bfloat16()


def test_features_are_activated_and_their_means_taken_before():
    torch.manual_seed(0)
    inputs, reference = features(), features()
    activated, pooled = activate_and_pool(inputs)
    assert torch.equal(activated, leaky_relu(inputs, LEAKY_SLOPE))
    torch.testing.assert_close(pooled, means(inputs))
    masked, pooled = activate_and_pool(inputs, reference)
    assert torch.equal(masked, torch.where(reference > 0, inputs, (inputs.float() * LEAKY_SLOPE).bfloat16()))
    torch.testing.assert_close(pooled, means(inputs))


def test_the_gradient_of_the_means_is_added():
    torch.manual_seed(0)
    gradient, grad_pooled = features(), features(height=3, width=2)
    spread = grad_pooled.repeat_interleave(2, 1).repeat_interleave(2, 2).float() / 4
    expected = (gradient.float() + spread).bfloat16()
    add_pool_gradient(gradient, grad_pooled)
    assert torch.equal(gradient, expected)


def test_sums_are_over_images_and_pixels_each_image_times_its_coefficient():
    torch.manual_seed(0)
    numbers, coefficients = features(), torch.randn(3)
    torch.testing.assert_close(channel_sums(numbers), numbers.float().sum((0, 1, 2)), rtol=1e-5, atol=1e-4)
    scaled = numbers.float() * coefficients.view(-1, 1, 1, 1)
    torch.testing.assert_close(channel_sums(numbers, coefficients), scaled.sum((0, 1, 2)), rtol=1e-5, atol=1e-4)


def test_not_a_number_stays_so_that_divergence_is_noticed():
    numbers = features()
    numbers[0, 0, 0, 0] = float("nan")
    activated, pooled = activate_and_pool(numbers)
    assert activated[0, 0, 0, 0].isnan()
    assert pooled[0, 0, 0, 0].isnan()
    assert channel_sums(numbers)[0].isnan()
