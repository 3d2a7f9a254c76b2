"""All that a piecewise linear discriminator D learns from, its slope's penalty included, in four passes instead of six.

Linear layers, leaky rectifiers and means make D linear around each image x_i. Let a_i be what enters a layer on the way
forward, d_i what comes against its output on the way back from D(x_i), and t_i what enters it when a direction u_i goes
the way of x_i: through the same products, each rectifier with the slope it had for x_i, and no bias. Then

    grad_W sum_i (c_i D(x_i) + u_i . dD/dx_i) = sum_i d_i (c_i a_i + t_i)^T.

With c_i the slope of a loss in the logits and u_i that of a penalty in dD/dx_i, one product a layer is the gradient of
both. Differentiating dD/dx_i by autograd comes to the same in two more passes, some of them through slow kernels.

    B  images      *  the rest of a layer's shape
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.utils import _pair
from torch.overrides import TorchFunctionMode, resolve_name

Before = Float[Tensor, "B *before"]
After = Float[Tensor, "B *after"]
Images = Float[Tensor, "B channels 28 28"]
Factors = Float[Tensor, " B"]
Gradients = dict[Tensor, Tensor]

BETWEEN = {
    functional.avg_pool2d,
    functional.interpolate,
    torch.flatten,
    Tensor.flatten,
    Tensor.float,
    Tensor.permute,
    Tensor.to,
}
"""What may stand between the stations: a direction goes through it as an image does."""


class NotPiecewiseLinearError(NotImplementedError):
    """The discriminator does something that has no place here."""


class Linear:
    """A linear layer as one batch goes through it."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.own = weight, bias
        self.weight, self.bias = _rounded(weight), None if bias is None else _rounded(bias)
        self.entered = self.against = torch.empty(0)

    def product(self, maps: Before, bias: Tensor | None = None) -> After:
        """What leaves the layer."""
        return functional.linear(maps, self.weight, bias)

    def back(self, against: After) -> Before:
        """The slope in what entered, of the slope in what left."""
        return against @ self.weight

    def learnt(self, entered: Before) -> Tensor:
        """The weight's gradient where this entered."""
        return self.against.T @ entered

    def through(self, maps: Before) -> After:
        """What leaves; what enters is kept, and what comes against on the way back."""
        return _Through.apply(maps.to(self.weight.dtype), self)  # type: ignore[no-untyped-call]

    def along(self, direction: Before, factors: Factors, gradients: Gradients) -> After:
        """What leaves when a direction goes the images' way; the layer's gradients are added."""
        direction = direction.to(self.weight.dtype)
        spread = factors.to(direction.dtype).view(-1, *[1] * (direction.dim() - 1))
        weight, bias = self.own
        _add(gradients, weight, self.learnt(torch.addcmul(direction, self.entered, spread)))
        if bias is not None:
            over = [axis for axis in range(self.against.dim()) if axis != 1]
            _add(gradients, bias, (self.against * spread).sum(over, dtype=bias.dtype))
        return self.product(direction)


class Convolution(Linear):
    """A convolution as one batch goes through it."""

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
    ) -> None:
        super().__init__(weight, bias)
        if isinstance(padding, str):
            raise NotPiecewiseLinearError("a convolution whose padding is a word")
        self.places, self.groups = (_pair(stride), _pair(padding), _pair(dilation)), groups

    def product(self, maps: Before, bias: Tensor | None = None) -> After:
        """What leaves the layer."""
        return functional.conv2d(maps, self.weight, bias, *self.places, self.groups)

    def back(self, against: After) -> Before:
        """The slope in what entered, of the slope in what left."""
        return self._backward(against, self.entered, 0)

    def learnt(self, entered: Before) -> Tensor:
        """The weight's gradient where this entered."""
        return self._backward(self.against, entered, 1)

    def _backward(self, against: Tensor, entered: Tensor, wanted: int) -> Tensor:
        whole = against, entered, self.weight, None, *self.places, False, (0, 0), self.groups
        found = torch.ops.aten.convolution_backward(*whole, [which == wanted for which in range(3)])
        return found[wanted]


class Rectifier:
    """A leaky rectifier as one batch goes through it."""

    def __init__(self, slope: float) -> None:
        self.slope, self.entered = slope, torch.empty(0)

    def through(self, maps: Before) -> Before:
        """What leaves; what enters is kept."""
        self.entered = maps.detach()
        return functional.leaky_relu(maps, self.slope)

    def along(self, direction: Before, factors: Factors, gradients: Gradients) -> Before:
        """What leaves when a direction goes the images' way."""
        return torch.ops.aten.leaky_relu_backward(direction, self.entered, self.slope, False)


Station = Linear | Rectifier

STATIONS: dict[Callable[..., Any], Callable[..., Station]] = {
    torch.conv2d: Convolution,
    functional.linear: Linear,
    functional.leaky_relu: lambda negative_slope=0.01, inplace=False: Rectifier(negative_slope),
}


class Way(TorchFunctionMode):
    """While entered, what a discriminator does to images is kept, station by station."""

    def __init__(self) -> None:
        super().__init__()
        self.stations: list[Station] = []

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        """Go through a station, or what lies between two."""
        if function in STATIONS:
            maps, *rest = arguments
            self.stations.append(STATIONS[function](*rest, **(named or {})))
            return self.stations[-1].through(maps)
        if function in BETWEEN or getattr(function, "__name__", "") == "__get__":
            return function(*arguments, **(named or {}))
        if function is Tensor.add and all(isinstance(part, Tensor) and part.grad_fn for part in arguments):
            return function(*arguments, **(named or {}))  # of two that come from the images: no number, no weight
        raise NotPiecewiseLinearError(resolve_name(function) or str(function))

    def gradients(self, discriminator: nn.Module, directions: Images, factors: Factors) -> Gradients:
        """Of sum_i (factor_i D(x_i) + direction_i . dD/dx_i) in the weights; dD/dx_i must have been taken before."""
        found: Gradients = {}
        with torch.no_grad(), _Along(iter(self.stations), factors, found):
            discriminator(directions)
        return found


def piecewise_linear(discriminator: nn.Module, images: Images) -> bool:
    """Whether all that a discriminator does has a place here; what has none is not done."""
    images = images.detach().requires_grad_()
    try:
        with Way():
            discriminator(images)
    except NotPiecewiseLinearError:
        return False
    return True


class _Along(TorchFunctionMode):
    def __init__(self, stations: Iterator[Station], factors: Factors, gradients: Gradients) -> None:
        super().__init__()
        self.stations, self.told = stations, (factors, gradients)

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        if function in STATIONS:
            return next(self.stations).along(arguments[0], *self.told)
        return function(*arguments, **(named or {}))


class _Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, layer: Linear) -> Tensor:
        ctx.layer, layer.entered = layer, maps
        return layer.product(maps, layer.bias)

    @staticmethod
    def backward(ctx: Any, *against: Tensor) -> tuple[Tensor, None]:
        ctx.layer.against = against[0]
        return ctx.layer.back(against[0]), None


def _rounded(part: Tensor) -> Tensor:
    """As the products are to be taken."""
    kind = part.device.type
    return part.detach().to(torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else part.dtype)


def _add(gradients: Gradients, part: Tensor, gradient: Tensor) -> None:
    gradient = gradient.to(part.dtype)
    gradients[part] = gradients[part] + gradient if part in gradients else gradient
