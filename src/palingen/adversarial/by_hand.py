"""The step of the fully connected pair written out: the gradients of `game.play` with no graph.

Weights and gradients of a player lie side by side in memory, so that Adam goes over them once. The discriminator looks
at each image by itself: what a logit owes to each layer is computed once for real and fake images, and scaled by what
each player's loss owes to that logit.

    B  images      Z  inputs of the generator      P = 784  pixels of an image, channels side by side
"""

from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, leaky_relu_, linear

from palingen.adversarial.losses import Loss, Scalar
from palingen.adversarial.networks import SLOPE, MlpDiscriminator, MlpGenerator

aten: Any = torch.ops.aten
onednn: Any = torch.ops.mkldnn

ONEDNN = torch.backends.mkldnn.is_available()


def product(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Rows times the transposed weights, plus the bias.

    `torch.nn.functional.linear` leaves float32 on a processor to the BLAS. For a batch of rows oneDNN is the faster of
    the two, above all on the way back (benchmarks/README.md).
    """
    if ONEDNN and rows.device.type == "cpu" and rows.dtype is torch.float32:
        result: Tensor = onednn._linear_pointwise(rows, weight, bias, "none", [], "")
        return result
    return linear(rows, weight, bias)


class Layer:
    """One linear layer, the BatchNorm after it if there is one, and what passed through it."""

    def __init__(self, linear: nn.Linear, norm: nn.BatchNorm1d | None) -> None:
        self.linear, self.norm = linear, norm
        self.inputs = self.outputs = linear.weight.new_empty(0)
        self.weight: Tensor = linear.weight
        self.bias: Tensor = linear.bias

    def begin(self, dtype: torch.dtype) -> None:
        """Take the weights of this step, in the precision of the products."""
        self.weight, self.bias = self.linear.weight.to(dtype), self.linear.bias.to(dtype)

    def forward(self, rows: Tensor) -> Tensor:
        """Rows times weights plus bias; both are kept."""
        self.inputs, self.outputs = rows, product(rows, self.weight, self.bias)
        return self.outputs

    def back(self, owed: Tensor) -> Tensor:
        """What is owed to the inputs, of what is owed to the outputs."""
        return product(owed, self.weight.T)

    def leave(self, owed: Tensor) -> None:
        """Put the weights' gradients where an optimiser finds them."""
        weight, bias = self.linear.weight.grad, self.linear.bias.grad
        if weight is None or bias is None:
            raise ValueError("the weights have no gradients to write to; lay them flat first")
        if owed.dtype is weight.dtype:
            torch.mm(owed.T, self.inputs, out=weight)
        else:
            weight.copy_(torch.mm(owed.T, self.inputs))
        torch.sum(owed, 0, dtype=bias.dtype, out=bias)


def lay_flat(player: nn.Module) -> nn.Parameter:
    """Move a network's weights and their gradients side by side; the whole as one parameter for an optimiser.

    The network goes on working with them; its weights must not be replaced, only changed in place.
    """
    weights = list(player.parameters())
    flat = nn.Parameter(torch.cat([weight.detach().flatten() for weight in weights]))
    flat.grad = torch.zeros_like(flat)
    sizes = [weight.numel() for weight in weights]
    parts = zip(weights, flat.detach().split(sizes), flat.grad.split(sizes), strict=True)
    for weight, part, gradient in parts:
        weight.data, weight.grad = part.view_as(weight), gradient.view_as(weight)
    return flat


class HandStep:
    """The step of one pair; both players' weights must be laid flat."""

    def __init__(self, generator: MlpGenerator, discriminator: MlpDiscriminator, precision: str = "float32") -> None:
        weight = next(generator.parameters())
        self.dtype = torch.bfloat16 if precision == "bfloat16" else weight.dtype
        self.generator, self.discriminator = _layers(generator), _layers(discriminator)

    @torch.no_grad()
    def play(
        self, loss: Loss, scale: float, real: Float[Tensor, "B channels 28 28"], latents: Float[Tensor, "B Z"]
    ) -> tuple[Scalar, Scalar, Scalar, Scalar]:
        """Leave each player's gradient in its `.grad`; losses and the discriminator's accuracy on real and fake."""
        for layer in (*self.generator, *self.discriminator):
            layer.begin(self.dtype)
        fake, norms = self._draw(latents.to(self.dtype))
        hidden = torch.cat((real.flatten(1).to(self.dtype), fake))
        for layer in self.discriminator[:-1]:
            hidden = leaky_relu_(layer.forward(hidden), SLOPE)
        logits = self.discriminator[-1].forward(hidden).squeeze(1).to(real.dtype)
        with torch.enable_grad():
            twice = logits.repeat(2, 1).requires_grad_()  # once for each player's loss
            of_generator, of_discriminator = (row.tensor_split(2) for row in twice)
            losses = loss.generator(*of_generator), scale * loss.discriminator(*of_discriminator)
            (owed,) = torch.autograd.grad(losses, twice)
        slopes = self._judge_back(*owed.unsqueeze(2).to(self.dtype))
        self._draw_back(aten.tanh_backward(slopes, fake), norms)
        real_logits, fake_logits = logits.tensor_split(2)
        told = (real_logits > 0).float().mean(), (fake_logits < 0).float().mean()
        return losses[0].detach(), losses[1].detach(), *told

    def _draw(self, latents: Tensor) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """The images, and of each BatchNorm the batch's means and inverse deviations (nothing where there is none)."""
        hidden, norms = latents, []
        for layer in self.generator[:-1]:
            spread, norm = layer.forward(hidden), layer.norm
            mean = deviation = spread.new_empty(0)
            if norm is not None:
                moving = norm.running_mean, norm.running_var
                spread, mean, deviation = aten.native_batch_norm(
                    spread, norm.weight, norm.bias, *moving, True, norm.momentum, norm.eps
                )
                norm.get_buffer("num_batches_tracked").add_(1)
            norms.append((mean, deviation))
            hidden = leaky_relu(spread, SLOPE)
        return torch.tanh_(self.generator[-1].forward(hidden)), norms

    def _judge_back(self, owed_by_generator: Tensor, owed: Tensor) -> Tensor:
        """Leave what the discriminator's loss owes each weight; what the generator's loss owes the fake images."""
        fake = slice(len(owed) // 2, None)
        first, *_, last = self.discriminator
        last.leave(owed)
        chain = last.weight.expand(len(owed), -1)  # what a logit owes to each unit below it
        for layer in reversed(self.discriminator[:-1]):
            chain = aten.leaky_relu_backward(chain, layer.outputs, SLOPE, True)
            layer.leave(chain * owed)
            if layer is not first:
                chain = layer.back(chain)
        return first.back(chain[fake] * owed_by_generator[fake])

    def _draw_back(self, owed: Tensor, norms: list[tuple[Tensor, Tensor]]) -> None:
        above = reversed(self.generator[1:])
        for layer, below, statistics in zip(above, reversed(self.generator[:-1]), reversed(norms), strict=True):
            layer.leave(owed)
            owed = aten.leaky_relu_backward(layer.back(owed), layer.inputs, SLOPE, True)
            if (norm := below.norm) is not None:
                moving = norm.running_mean, norm.running_var
                owed, *gradients = aten.native_batch_norm_backward(
                    owed, below.outputs, norm.weight, *moving, *statistics, True, norm.eps, [True, True, True]
                )
                for weight, gradient in zip(norm.parameters(), gradients, strict=True):
                    weight.grad = gradient if weight.grad is None else weight.grad.copy_(gradient)
        self.generator[0].leave(owed)


def _layers(player: nn.Sequential) -> list[Layer]:
    return [
        Layer(part, after if isinstance(after, nn.BatchNorm1d) else None)
        for part, after in pairwise([*player, None])
        if isinstance(part, nn.Linear)
    ]
