"""Convolution of one layer in C++: forward pass, input gradient and parameter gradients.

A transposed convolution is the input gradient of a convolution. Numbers are in bfloat16, channels last, and sums in
float32.

B  images      h, w, C  height, width and channels of the convolution's input      H, W, D  of its output
U  pixels that the kernel covers, times channels, of an image that is convolved unfolded
"""

import ctypes

import torch
from jaxtyping import BFloat16, Float32
from torch import Tensor, nn

from palingen.gan.models.init import LEAKY_SLOPE
from palingen.gan.steps.residual.elementwise import channel_sums
from palingen.gan.steps.residual.library import Epilogue, call, empty

Input = BFloat16[Tensor, "B h w C"]
Output = BFloat16[Tensor, "B H W D"]
Images = Float32[Tensor, "B channels height width"]
Unfolded = BFloat16[Tensor, "B H W U"]
Coefficients = Float32[Tensor, " B"]
Plane = tuple[int, int, int]
"""Height, width and channels."""


class NativeConvolution:
    """Convolution or transposed convolution of a layer, with weights that are rounded once a step.

    Args:
        layer: the layer; gradients are written to its parameters' `.grad`.
        size: height and width of the convolution's input, which is a transposed convolution's output.
        unfolds: whether the channels are an image's, too few for vectors: the input is unfolded first.
    """

    def __init__(self, layer: nn.Conv2d | nn.ConvTranspose2d, size: int, *, unfolds: bool = False) -> None:
        self.layer = layer
        out_channels, in_channels, *kernel = layer.weight.shape
        strides, paddings = (tuple(int(number) for number in pair) for pair in (layer.stride, layer.padding))
        height, width = (
            (size + 2 * padding - length) // stride + 1
            for length, stride, padding in zip(kernel, strides, paddings, strict=True)
        )
        self.input: Plane = size, size, in_channels
        self.output: Plane = height, width, out_channels
        self._image_geometry = *self.input, *self.output, *kernel, *strides, *paddings
        self._geometry = self._image_geometry
        if unfolds:
            self.input = height, width, in_channels * kernel[0] * kernel[1]
            self._geometry = *self.input, *self.output, 1, 1, 1, 1, 0, 0
        self.weight = torch.empty(0)

    def cast(self) -> None:
        """Round this step's weights."""
        self.weight = self.layer.weight.detach().permute(0, 2, 3, 1).to(torch.bfloat16).contiguous()

    def forward(
        self,
        input: Input | Unfolded,  # noqa: A002 (the field's name)
        *,
        bias: bool = False,
        addend: Output | None = None,
        activates: bool = False,
        reference: Output | None = None,
        late_addend: Output | None = None,
    ) -> Output:
        """Convolution, plus the layer's bias and an addend, through a LeakyReLU, plus a late addend.

        With a reference, which is a LeakyReLU's input or output, its slope there is multiplied instead.
        """
        epilogue = self._epilogue(bias, addend, activates, reference, late_addend)
        output = empty(len(input), *self.output)
        call("convolve", self._sizes(input), input, self.weight, epilogue, output, 0, 0)
        return output

    def backward(
        self,
        grad_output: Output,
        *,
        bias: bool = False,
        addend: Input | None = None,
        activates: bool = False,
        reference: Input | None = None,
        late_addend: Input | None = None,
    ) -> Input:
        """Input gradient, or transposed convolution, with what `forward` adds."""
        epilogue = self._epilogue(bias, addend, activates, reference, late_addend)
        grad_input = empty(len(grad_output), *self.input)
        call("convolve", self._sizes(grad_output), grad_output, self.weight, epilogue, grad_input, 1, 0)
        return grad_input

    def unfold(self, images: Images) -> Unfolded:
        """Input of `forward` for images."""
        columns = empty(len(images), *self.input)
        call("unfold_images", self._image_sizes(images), images.permute(0, 2, 3, 1).contiguous(), columns)
        return columns

    def backward_to_images(self, grad_output: Output, *, bias: bool = False) -> Images:
        """Image gradient, or transposed convolution to images, plus the layer's bias."""
        columns = empty(len(grad_output), *self.input, dtype=torch.float32)
        epilogue = self._epilogue()
        call("convolve", self._sizes(grad_output), grad_output, self.weight, epilogue, columns, 1, 1)
        images = empty(len(grad_output), *self._image_geometry[:3], dtype=torch.float32)
        call("fold_images", self._image_sizes(images), columns, self.layer.bias if bias else None, images)
        return images.permute(0, 3, 1, 2)

    def write_weight_grad(
        self,
        input: Input | Unfolded,  # noqa: A002
        grad_output: Output,
        tangent: Input | Unfolded | None = None,
        coefficients: Coefficients | None = None,
    ) -> None:
        """Write sum over images i of grad_output_i (coefficients_i input_i + tangent_i)^T; by default without both."""
        gradient = torch.zeros(self.weight.shape)
        call("add_weight_gradient", self._sizes(input), input, tangent, coefficients, grad_output, gradient)
        weight, gradient = self.layer.weight, gradient.permute(0, 3, 1, 2)
        # the optimiser needs the parameter's order in memory
        has_order = gradient.stride() == weight.stride()
        weight.grad = gradient if has_order else torch.empty_like(weight).copy_(gradient)

    def write_bias_grad(self, grad: Input | Output, coefficients: Coefficients | None = None) -> None:
        """Write the sum of the gradient over images, each times its coefficient, and pixels, if there is a bias."""
        if self.layer.bias is not None:
            self.layer.bias.grad = channel_sums(grad, coefficients)

    def _epilogue(
        self,
        bias: bool = False,
        addend: Tensor | None = None,
        activates: bool = False,
        reference: Tensor | None = None,
        late_addend: Tensor | None = None,
    ) -> Epilogue:
        tensors = self.layer.bias if bias else None, addend, reference, late_addend
        pointers = (None if tensor is None else tensor.data_ptr() for tensor in tensors)
        return Epilogue(*pointers, LEAKY_SLOPE, activates)

    def _sizes(self, images: Tensor) -> ctypes.Array[ctypes.c_long]:
        return (ctypes.c_long * 13)(len(images), *self._geometry)

    def _image_sizes(self, images: Tensor) -> ctypes.Array[ctypes.c_long]:
        return (ctypes.c_long * 13)(len(images), *self._image_geometry)
