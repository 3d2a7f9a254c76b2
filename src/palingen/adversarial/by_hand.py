"""The step of the fully connected pair written out: the gradients of `game.play` with no graph and no new memory.

Every product goes to a buffer of its own, and weights and gradients of a player lie side by side in memory, so that
Adam goes over them once. The discriminator looks at each image by itself: what a logit owes to each layer is computed
once for real and fake images, and scaled by what each player's loss owes to that logit.

    B  images      Z  inputs of the generator      P = 784  pixels of an image, channels side by side
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import leaky_relu_

from palingen.adversarial.losses import Loss, Scalar
from palingen.adversarial.networks import SLOPE, MlpDiscriminator, MlpGenerator

aten: Any = torch.ops.aten


@dataclass
class Layer:
    """One linear layer, what follows it, and its buffers for B rows."""

    linear: nn.Linear
    norm: nn.BatchNorm1d | None
    inputs: Tensor
    outputs: Tensor
    back: Tensor
    """The gradient of `inputs`."""

    weight: Tensor
    bias: Tensor
    """Those of `linear`, or a copy of this step in the precision of the products."""

    def forward(self, rows: Tensor) -> Tensor:
        """Rows times weights plus bias, into `outputs`."""
        return torch.addmm(self.bias, rows, self.weight.T, out=self.outputs)

    def leave(self, owed: Tensor, rows: Tensor) -> None:
        """Put the weights' gradients where an optimiser finds them."""
        weight, bias = self.linear.weight.grad, self.linear.bias.grad
        if weight is None or bias is None:
            raise ValueError("the weights have no gradients to write to; lay them flat first")
        if owed.dtype is weight.dtype:
            torch.mm(owed.T, rows, out=weight)
        else:
            weight.copy_(torch.mm(owed.T, rows))
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
    """The step for one size of batch; both players' weights must be laid flat."""

    def __init__(
        self, generator: MlpGenerator, discriminator: MlpDiscriminator, batch: int, precision: str = "float32"
    ) -> None:
        weight = next(generator.parameters())
        self.batch, self.dtype = batch, torch.bfloat16 if precision == "bfloat16" else weight.dtype
        self.generator = _layers(generator, batch, self.dtype)
        self.discriminator = _layers(discriminator, 2 * batch, self.dtype)
        self.images = self.discriminator[0].inputs  # real ones, then fake ones
        self.slopes = torch.empty_like(self.images[batch:])

    @torch.no_grad()
    def play(
        self, loss: Loss, scale: float, real: Float[Tensor, "B channels 28 28"], latents: Float[Tensor, "B Z"]
    ) -> tuple[Scalar, Scalar, Scalar, Scalar]:
        """Leave each player's gradient in its `.grad`; losses and the discriminator's accuracy on real and fake."""
        for layer in (*self.generator, *self.discriminator):
            layer.weight, layer.bias = (w.to(self.dtype) for w in (layer.linear.weight, layer.linear.bias))
        self.images[: self.batch] = real.flatten(1)
        fake, norms = self._draw(latents)
        hidden = self.images
        for layer in self.discriminator[:-1]:
            hidden = leaky_relu_(layer.forward(hidden), SLOPE)
        logits = self.discriminator[-1].forward(hidden).squeeze(1).to(real.dtype)
        with torch.enable_grad():
            halves = logits.detach().requires_grad_().tensor_split(2)
            losses = loss.generator(*halves), scale * loss.discriminator(*halves)
            _, owed_by_fake = torch.autograd.grad(losses[0], halves, materialize_grads=True)
            owed = torch.cat(torch.autograd.grad(losses[1], halves))
        self._judge_back(*(part.unsqueeze(1).to(self.dtype) for part in (owed, owed_by_fake)))
        self._draw_back(fake, norms)
        real_logits, fake_logits = logits.tensor_split(2)
        told = (real_logits > 0).float().mean(), (fake_logits < 0).float().mean()
        return losses[0].detach(), losses[1].detach(), *told

    def _draw(self, latents: Tensor) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """The images, and of each BatchNorm the batch's means and inverse deviations (nothing where there is none)."""
        self.generator[0].inputs.copy_(latents)
        norms = []
        for layer, after in pairwise(self.generator):
            spread, norm = layer.forward(layer.inputs), layer.norm
            mean = deviation = spread.new_empty(0)
            if norm is not None:
                moving = norm.running_mean, norm.running_var
                spread, mean, deviation = aten.native_batch_norm(
                    spread, norm.weight, norm.bias, *moving, True, norm.momentum, norm.eps
                )
                norm.get_buffer("num_batches_tracked").add_(1)
            norms.append((mean, deviation))
            aten.leaky_relu.out(spread, SLOPE, out=after.inputs)
        last = self.generator[-1]
        return torch.tanh(last.forward(last.inputs), out=self.images[self.batch :]), norms

    def _judge_back(self, owed: Tensor, owed_by_fake: Tensor) -> None:
        """Weights' gradients from what the discriminator's loss owes each logit; the images' from the generator's."""
        *earlier, last = self.discriminator
        last.leave(owed, earlier[-1].outputs)
        chain = last.weight.expand(2 * self.batch, -1)  # what a logit owes to each unit below it
        for layer, below in zip(reversed(earlier), [*reversed(earlier[:-1]), None], strict=True):
            chain = aten.leaky_relu_backward(chain, layer.outputs, SLOPE, True)
            layer.leave(chain * owed, layer.inputs)
            if below is not None:
                chain = torch.mm(chain, layer.weight, out=layer.back)
        torch.mm(chain[self.batch :] * owed_by_fake, earlier[0].weight, out=self.slopes)

    def _draw_back(self, fake: Tensor, norms: list[tuple[Tensor, Tensor]]) -> None:
        owed = aten.tanh_backward(self.slopes, fake)
        above = reversed(self.generator[1:])
        for layer, below, statistics in zip(above, reversed(self.generator[:-1]), reversed(norms), strict=True):
            layer.leave(owed, layer.inputs)
            torch.mm(owed, layer.weight, out=layer.back)
            owed = aten.leaky_relu_backward(layer.back, layer.inputs, SLOPE, True)
            if (norm := below.norm) is not None:
                moving = norm.running_mean, norm.running_var
                owed, *gradients = aten.native_batch_norm_backward(
                    owed, below.outputs, norm.weight, *moving, *statistics, True, norm.eps, [True, True, True]
                )
                for weight, gradient in zip(norm.parameters(), gradients, strict=True):
                    weight.grad = gradient if weight.grad is None else weight.grad.copy_(gradient)
        self.generator[0].leave(owed, self.generator[0].inputs)


def _layers(player: nn.Sequential, rows: int, dtype: torch.dtype) -> list[Layer]:
    parts = list(player)
    layers: list[Layer] = []
    for part, after in pairwise([*parts, None]):
        if isinstance(part, nn.Linear):
            weight = part.weight
            inputs, outputs = (
                torch.empty(rows, size, dtype=dtype, device=weight.device)
                for size in (part.in_features, part.out_features)
            )
            if layers and isinstance(player, MlpDiscriminator):
                inputs = layers[-1].outputs  # its LeakyReLU works in place
            norm = after if isinstance(after, nn.BatchNorm1d) else None
            layers.append(Layer(part, norm, inputs, outputs, torch.empty_like(inputs), weight, part.bias))
    return layers
