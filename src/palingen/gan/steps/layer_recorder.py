"""Recorder of a discriminator's layers, for forward-mode derivatives along its input gradient.

While a `LayerRecorder` is active, every linear layer, convolution and LeakyReLU of a forward pass is recorded: its
input in the forward pass, and the gradient with respect to its output in the backward pass.

    B  images      *  the rest of a layer's shape
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode, resolve_name

Input = Float[Tensor, "B *inputs"]
Output = Float[Tensor, "B *outputs"]
Images = Float[Tensor, "B channels 28 28"]
Coefficients = Float[Tensor, " B"]
Gradients = dict[Tensor, Tensor]

LINEAR_OPS = {
    functional.avg_pool2d,
    functional.interpolate,
    torch.flatten,
    Tensor.flatten,
    Tensor.float,
    Tensor.permute,
    Tensor.to,
}
"""Linear operations without weights, allowed between recorded layers: they map tangents as they map images."""


class NotPiecewiseLinearError(NotImplementedError):
    """The discriminator contains an operation that is not piecewise linear, or that the recorder does not know."""


class RecordedLinear:
    """Linear layer, with its input and output gradient for one batch."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.parameters: tuple[Tensor, ...] = (weight,) if bias is None else (weight, bias)
        if not all(parameter.is_leaf for parameter in self.parameters):
            raise NotPiecewiseLinearError("a layer whose weights are computed from others")
        self.weight, self.bias = _autocast(weight), None if bias is None else _autocast(bias)
        self.input = self.grad_output = torch.empty(0)

    def forward(self, input: Input, bias: Tensor | None = None) -> Output:  # noqa: A002 (the field's name)
        """Layer output, by default without bias."""
        return functional.linear(input, self.weight, bias)

    def input_grad(self, grad_output: Output) -> Input:
        """Input gradient from output gradient."""
        return grad_output @ self.weight

    def weight_grad(self, input: Input) -> Tensor:  # noqa: A002
        """Weight gradient for the given input and the recorded output gradient."""
        return self.grad_output.T @ input

    def record(self, input: Input) -> Output:  # noqa: A002
        """Layer output; records the input now, and the output gradient during the backward pass."""
        return _RecordedFunction.apply(input.to(self.weight.dtype), self)  # type: ignore[no-untyped-call]

    def jvp(self, tangent: Input, coefficients: Coefficients, gradients: Gradients) -> Output:
        """Output tangent from input tangent; adds the layer's parameter gradients to `gradients`."""
        tangent = tangent.to(self.weight.dtype)
        scale = coefficients.to(tangent.dtype).view(-1, *[1] * (tangent.dim() - 1))
        _accumulate(gradients, self.parameters[0], self.weight_grad(torch.addcmul(tangent, self.input, scale)))
        for bias in self.parameters[1:]:
            axes = [axis for axis in range(self.grad_output.dim()) if axis != 1]
            _accumulate(gradients, bias, (self.grad_output * scale).sum(axes, dtype=bias.dtype))
        return self.forward(tangent)


class RecordedConv2d(RecordedLinear):
    """Convolution, with its input and output gradient for one batch."""

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
    ) -> None:
        super().__init__(weight, bias)
        if isinstance(padding, str):
            raise NotPiecewiseLinearError(f"a convolution with padding={padding!r}")
        self.geometry, self.groups = (_pair(stride), _pair(padding), _pair(dilation)), groups

    def forward(self, input: Input, bias: Tensor | None = None) -> Output:  # noqa: A002
        """Layer output, by default without bias."""
        return functional.conv2d(input, self.weight, bias, *self.geometry, self.groups)

    def input_grad(self, grad_output: Output) -> Input:
        """Input gradient from output gradient."""
        return self._backward(grad_output, self.input, 0)

    def weight_grad(self, input: Input) -> Tensor:  # noqa: A002
        """Weight gradient for the given input and the recorded output gradient."""
        return self._backward(self.grad_output, input, 1)

    def _backward(self, grad_output: Tensor, input: Tensor, index: int) -> Tensor:  # noqa: A002
        """Gradient of the input (index 0) or of the weight (index 1)."""
        arguments = grad_output, input, self.weight, None, *self.geometry, False, (0, 0), self.groups
        mask = [which == index for which in range(3)]
        return torch.ops.aten.convolution_backward(*arguments, mask)[index]


class RecordedLeakyReLU:
    """LeakyReLU, with its input for one batch."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        if inplace:  # another layer may read its input, which becomes its output
            raise NotPiecewiseLinearError("a LeakyReLU with inplace=True")
        self.parameters = ()
        self.negative_slope, self.input = negative_slope, torch.empty(0)

    def record(self, input: Input) -> Input:  # noqa: A002
        """Layer output; records the input."""
        self.input = input.detach()
        return functional.leaky_relu(input, self.negative_slope)

    def jvp(self, tangent: Input, coefficients: Coefficients, gradients: Gradients) -> Input:
        """Output tangent from input tangent, with the slopes of the recorded input."""
        return torch.ops.aten.leaky_relu_backward(tangent, self.input, self.negative_slope, False)


RecordedLayer = RecordedLinear | RecordedLeakyReLU

RECORDED_OPS: dict[Callable[..., Any], Callable[..., RecordedLayer]] = {
    torch.conv2d: RecordedConv2d,
    functional.linear: RecordedLinear,
    functional.leaky_relu: RecordedLeakyReLU,
}


class LayerRecorder(TorchFunctionMode):
    """Context manager that records the layers of a discriminator's forward pass, in order.

    Raises:
        NotPiecewiseLinearError: inside the context, at an operation that it does not support.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers: list[RecordedLayer] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Record a layer, or pass a linear operation through."""
        if function in RECORDED_OPS:
            if not args:
                raise NotPiecewiseLinearError("a layer that is given its input by name")
            input, *rest = args  # noqa: A001
            if function is functional.linear and input.dim() != 2:  # its gradients sum over all axes but axis 1
                raise NotPiecewiseLinearError(f"a linear layer on {input.dim()} axes")
            self.layers.append(RECORDED_OPS[function](*rest, **(kwargs or {})))
            return self.layers[-1].record(input)
        if function in LINEAR_OPS or getattr(function, "__name__", "") == "__get__":
            return function(*args, **(kwargs or {}))
        if function is Tensor.add and all(isinstance(arg, Tensor) and arg.grad_fn for arg in args):
            return function(*args, **(kwargs or {}))  # the sum of two branches; not of a constant or a parameter
        raise NotPiecewiseLinearError(resolve_name(function) or str(function))

    def gradients(self, discriminator: nn.Module, tangents: Images, coefficients: Coefficients) -> Gradients:
        """Parameter gradients of sum_i (coefficient_i D(x_i) + tangent_i . dD/dx_i), by one forward pass of tangents.

        The output gradients must have been recorded, by a backward pass from sum_i D(x_i).
        """
        gradients: Gradients = {}
        with torch.no_grad(), _TangentMode(iter(self.layers), coefficients, gradients):
            discriminator(tangents)
        return gradients


class _TangentMode(TorchFunctionMode):
    """Context manager in which a discriminator's forward pass propagates tangents instead of images."""

    def __init__(self, layers: Iterator[RecordedLayer], coefficients: Coefficients, gradients: Gradients) -> None:
        super().__init__()
        self.layers, self.coefficients, self.gradients = layers, coefficients, gradients

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in RECORDED_OPS:
            return next(self.layers).jvp(args[0], self.coefficients, self.gradients)
        return function(*args, **(kwargs or {}))


class _RecordedFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, layer: RecordedLinear) -> Tensor:  # noqa: A002
        ctx.layer, layer.input = layer, input
        return layer.forward(input, layer.bias)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        ctx.layer.grad_output = grad_outputs[0]
        return ctx.layer.input_grad(grad_outputs[0]), None


def _autocast(parameter: Tensor) -> Tensor:
    """Detached parameter in the dtype of the current autocast context."""
    kind = parameter.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else parameter.dtype
    return parameter.detach().to(dtype)


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    """Size along height and width."""
    return (size, size) if isinstance(size, int) else size


def _accumulate(gradients: Gradients, parameter: Tensor, gradient: Tensor) -> None:
    gradient = gradient.to(parameter.dtype)
    gradients[parameter] = gradients[parameter] + gradient if parameter in gradients else gradient
