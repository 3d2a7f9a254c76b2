"""Residual generator and discriminator with manually derived gradients: no graph, element-wise work inside products.

The equations are those of `penalty_jvp.py`. Gradients of D(x_i) are named d_..., tangents t_....

B  images      Z  generator inputs      N  real and fake images together
"""

from typing import Any

import torch
from jaxtyping import BFloat16, Float32, Int64
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, linear

from palingen.gan.data.mnist import IMAGE_SIZE
from palingen.gan.models.init import LEAKY_SLOPE
from palingen.gan.models.residual import ResidualDiscriminator, ResidualGenerator
from palingen.gan.steps.manual import fast_linear
from palingen.gan.steps.residual.convolution import NativeConvolution
from palingen.gan.steps.residual.elementwise import activate_and_pool, add_pool_gradient

aten: Any = torch.ops.aten

HALF, QUARTER = IMAGE_SIZE // 2, IMAGE_SIZE // 4

Images = Float32[Tensor, "N channels 28 28"]
Logits = Float32[Tensor, " N"]


class NativeDiscriminator:
    """`ResidualDiscriminator`, and what its gradients need of one batch."""

    def __init__(self, network: ResidualDiscriminator) -> None:
        self.network = network
        self.from_image = NativeConvolution(network.from_image, IMAGE_SIZE, unfolds=True)
        self.conv1 = NativeConvolution(network.block.conv1, HALF)
        self.shortcut = NativeConvolution(network.block.shortcut, QUARTER)
        self.conv2 = NativeConvolution(network.block.conv2, QUARTER)

    def forward(self, images: Images, rows: Int64[Tensor, " N"]) -> Logits:
        """Logit of each image from the given row of the head."""
        for layer in (self.from_image, self.conv1, self.shortcut, self.conv2):
            layer.cast()
        fc, head = self.network.fc, self.network.head
        self.rows, self.columns = rows, self.from_image.unfold(images)
        self.a1, self.pooled = activate_and_pool(self.from_image.forward(self.columns, bias=True))
        self.a2 = self.conv1.forward(self.a1, bias=True, activates=True)
        shortcut = self.shortcut.forward(self.pooled)
        self.features = self.conv2.forward(self.a2, bias=True, addend=shortcut, activates=True)
        self.flat = self.features.flatten(1).float()
        self.hidden = leaky_relu(fast_linear(self.flat, fc.weight, fc.bias), LEAKY_SLOPE)
        self.head_rows = head.weight[rows]
        return (self.hidden * self.head_rows).sum(1) + head.bias[rows]

    def image_grad(self) -> Images:
        """Gradient of each logit with respect to its image."""
        self.d_hidden = _leaky_backward(self.head_rows, self.hidden)
        d_flat = _leaky_backward(fast_linear(self.d_hidden, self.network.fc.weight.T), self.flat)
        self.d_out = d_flat.to(torch.bfloat16).view_as(self.features)
        self.d_conv1 = self.conv2.backward(self.d_out, reference=self.a2)
        self.d_image = self.conv1.backward(self.d_conv1, reference=self.a1)
        add_pool_gradient(self.d_image, self.shortcut.backward(self.d_out))
        return self.from_image.backward_to_images(self.d_image)

    def write_grads(self, tangents: Images, coefficients: Logits) -> None:
        """Write the gradients of sum_i (coefficient_i D(x_i) + tangent_i . dD/dx_i), after `image_grad`."""
        columns = self.from_image.unfold(tangents)
        t1, pooled = activate_and_pool(self.from_image.forward(columns), self.a1)
        t2 = self.conv1.forward(t1, reference=self.a2)
        t_out = self.conv2.forward(t2, addend=self.shortcut.forward(pooled), reference=self.features)
        for layer, input, tangent, d in (  # noqa: A001 (the field's name)
            (self.from_image, self.columns, columns, self.d_image),
            (self.conv1, self.a1, t1, self.d_conv1),
            (self.shortcut, self.pooled, pooled, self.d_out),
            (self.conv2, self.a2, t2, self.d_out),
        ):
            layer.write_weight_grad(input, d, tangent, coefficients)
            layer.write_bias_grad(d, coefficients)
        self._write_head_grads(t_out.flatten(1).float(), coefficients)

    def _write_head_grads(self, t_flat: Float32[Tensor, "N features"], coefficients: Logits) -> None:
        fc, head, scale = self.network.fc, self.network.head, coefficients.unsqueeze(1)
        t_hidden = _leaky_backward(fast_linear(t_flat, fc.weight), self.hidden)
        fc.weight.grad = self.d_hidden.T @ torch.addcmul(t_flat, self.flat, scale)
        fc.bias.grad = coefficients @ self.d_hidden
        t_logits = torch.addcmul(t_hidden, self.hidden, scale)
        head.weight.grad = torch.zeros_like(head.weight).index_add_(0, self.rows, t_logits)
        head.bias.grad = torch.zeros_like(head.bias).index_add_(0, self.rows, coefficients)


class NativeGenerator:
    """`ResidualGenerator`, and what its gradients need of one batch."""

    def __init__(self, network: ResidualGenerator) -> None:
        self.network = network
        self.stem = [layer for layer in network.stem if isinstance(layer, nn.Linear)]
        self.shortcut = NativeConvolution(network.block.shortcut, QUARTER)
        self.conv1 = NativeConvolution(network.block.conv1, HALF)
        self.conv2 = NativeConvolution(network.block.conv2, HALF)
        self.to_image = NativeConvolution(network.to_image, IMAGE_SIZE, unfolds=True)

    def forward(self, latents: Float32[Tensor, "B Z"]) -> Images:
        """Latents to images."""
        for layer in (self.shortcut, self.conv1, self.conv2, self.to_image):
            layer.cast()
        (weight, bias), (self.last_weight, last_bias) = (
            (layer.weight.to(torch.bfloat16), layer.bias.to(torch.bfloat16)) for layer in self.stem
        )
        self.latents = latents.to(torch.bfloat16)
        self.mapped = leaky_relu(linear(self.latents, weight, bias), LEAKY_SLOPE)
        rows = linear(self.mapped, self.last_weight, last_bias)
        self.features = rows.view(len(rows), -1, QUARTER, QUARTER).permute(0, 2, 3, 1).contiguous()
        self.a1 = leaky_relu(self.features, LEAKY_SLOPE)
        shortcut = _upsample(self.shortcut.forward(self.features))
        self.a2 = self.conv1.backward(self.a1, bias=True, activates=True)
        self.a3 = self.conv2.forward(self.a2, bias=True, addend=shortcut, activates=True)
        images = self.to_image.backward_to_images(self.a3, bias=True)
        self.images = images.tanh() if self.network.is_bounded else images
        return self.images

    def write_grads(self, grad_images: Images) -> None:
        """Write the parameters' gradients from that of the images."""
        if self.network.is_bounded:
            grad_images = aten.tanh_backward(grad_images, self.images)
        columns = self.to_image.unfold(grad_images)
        grad_out = self.to_image.forward(columns, reference=self.a3)
        grad_hidden = self.conv2.backward(grad_out, reference=self.a2)
        grad_shortcut = _upsample_backward(grad_out)
        for layer, input, grad_output in (  # noqa: A001 (the field's name)
            (self.to_image, columns, self.a3),
            (self.conv2, self.a2, grad_out),
            (self.conv1, grad_hidden, self.a1),
            (self.shortcut, self.features, grad_shortcut),
        ):
            layer.write_weight_grad(input, grad_output)
        self.network.to_image.get_parameter("bias").grad = grad_images.sum((0, 2, 3))
        self.conv2.write_bias_grad(grad_out)
        self.conv1.write_bias_grad(grad_hidden)
        late_addend = self.shortcut.backward(grad_shortcut)
        self._write_stem_grads(self.conv1.forward(grad_hidden, reference=self.a1, late_addend=late_addend))

    def _write_stem_grads(self, grad_features: BFloat16[Tensor, "B h w C"]) -> None:
        first, last = self.stem
        grad = grad_features.permute(0, 3, 1, 2).flatten(1)
        grad_mapped = _leaky_backward(grad @ self.last_weight, self.mapped)
        for layer, rows, grad_output in ((last, self.mapped, grad), (first, self.latents, grad_mapped)):
            layer.weight.grad = (grad_output.T @ rows).float()
            layer.bias.grad = grad_output.sum(0, dtype=torch.float32)


def _leaky_backward(grad_output: Tensor, output: Tensor) -> Tensor:
    return aten.leaky_relu_backward(grad_output, output, LEAKY_SLOPE, True)


def _upsample(features: Tensor) -> Tensor:
    channels_first = features.permute(0, 3, 1, 2)
    return interpolate(channels_first, scale_factor=2, mode="bilinear").permute(0, 2, 3, 1).contiguous()


def _upsample_backward(grad_output: Tensor) -> Tensor:
    grad = grad_output.permute(0, 3, 1, 2)
    images, channels, height, width = grad.shape
    sizes = [height, width], [images, channels, height // 2, width // 2]
    return aten.upsample_bilinear2d_backward(grad, *sizes, False, 2.0, 2.0).permute(0, 2, 3, 1).contiguous()
