"""Training step of the fully connected networks with manually derived gradients: no graph, nothing computed twice.

Parameters and gradients of a network are contiguous in memory, so that Adam updates them in one kernel. The
discriminator treats images independently: the gradient of a logit with respect to each layer is computed once for real
and fake images, and scaled by the derivative of either network's loss with respect to that logit.

    B  images      Z  generator inputs      P = 784  pixels of an image, channels side by side
"""

from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, leaky_relu_, linear

from palingen.gan.models.init import LEAKY_SLOPE
from palingen.gan.models.mlp import MlpDiscriminator, MlpGenerator
from palingen.gan.steps.forward import loss_gradients
from palingen.gan.steps.protocol import StepInputs, StepMetrics, StepSetup
from palingen.gan.steps.structure import LayerKind, layer_kinds, unsupported_use
from palingen.runtime.torch_private import onednn_linear

aten: Any = torch.ops.aten

SHARED_LAYERS = 7
"""Modules of a discriminator, itself first, that do not depend on whether it is conditional."""


def fast_linear(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Linear layer by oneDNN for float32 on a CPU, where `torch.nn.functional.linear` uses the slower BLAS."""
    if rows.device.type == "cpu" and rows.dtype is torch.float32 and (operation := onednn_linear()):
        return operation(rows, weight, bias)
    return linear(rows, weight, bias)


class BatchStatistics(NamedTuple):
    """Mean and inverse standard deviation of a BatchNorm's input over the batch; empty without BatchNorm."""

    mean: Tensor
    inverse_std: Tensor


class ManualLinear:
    """Linear layer, the BatchNorm after it if there is one, and their values for one batch."""

    def __init__(self, layer: nn.Linear, norm: nn.BatchNorm1d | None) -> None:
        self.linear, self.norm = layer, norm
        self.inputs = self.outputs = layer.weight.new_empty(0)
        self.weight: Tensor = layer.weight
        self.bias: Tensor = layer.bias
        self.statistics = BatchStatistics(self.inputs, self.inputs)

    def cast(self, dtype: torch.dtype) -> None:
        """Take this step's parameters in the given dtype."""
        self.weight, self.bias = self.linear.weight.to(dtype), self.linear.bias.to(dtype)

    def forward(self, rows: Tensor) -> Tensor:
        """Output of the linear layer."""
        self.inputs, self.outputs = rows, fast_linear(rows, self.weight, self.bias)
        return self.outputs

    def normalize(self, rows: Tensor) -> Tensor:
        """Output of the BatchNorm in training mode; the input without BatchNorm."""
        if (norm := self.norm) is None:
            return rows
        running = norm.running_mean, norm.running_var
        outputs, *statistics = aten.native_batch_norm(
            rows, norm.weight, norm.bias, *running, True, norm.momentum, norm.eps
        )
        self.statistics = BatchStatistics(*statistics)
        norm.get_buffer("num_batches_tracked").add_(1)
        return outputs

    def normalize_backward(self, grad_output: Tensor) -> Tensor:
        """Input gradient of the BatchNorm from its output gradient; writes its parameter gradients."""
        if (norm := self.norm) is None:
            return grad_output
        running = norm.running_mean, norm.running_var
        grad_input, *gradients = aten.native_batch_norm_backward(
            grad_output, self.outputs, norm.weight, *running, *self.statistics, True, norm.eps, [True, True, True]
        )
        for parameter, gradient in zip(norm.parameters(), gradients, strict=True):
            parameter.grad = gradient if parameter.grad is None else parameter.grad.copy_(gradient)
        return grad_input

    def input_grad(self, grad_output: Tensor) -> Tensor:
        """Input gradient of the linear layer from its output gradient."""
        return fast_linear(grad_output, self.weight.T)

    def write_grads(self, grad_output: Tensor) -> None:
        """Write the parameter gradients of the linear layer to `.grad`."""
        weight, bias = self.linear.weight.grad, self.linear.bias.grad
        assert weight is not None  # allocated by flatten_parameters
        assert bias is not None
        if grad_output.dtype is weight.dtype:
            torch.mm(grad_output.T, self.inputs, out=weight)
        else:
            weight.copy_(torch.mm(grad_output.T, self.inputs))
        torch.sum(grad_output, 0, dtype=bias.dtype, out=bias)


def flatten_parameters(network: nn.Module) -> nn.Parameter:
    """Move a network's parameters and gradients into one contiguous parameter each, and return it for the optimiser.

    The network keeps working with views of it: its parameters may be changed in place, but not replaced.
    """
    parameters = list(network.parameters())
    flat = nn.Parameter(torch.cat([parameter.detach().flatten() for parameter in parameters]))
    flat.grad = torch.zeros_like(flat)
    sizes = [parameter.numel() for parameter in parameters]
    views = zip(parameters, flat.detach().split(sizes), flat.grad.split(sizes), strict=True)
    for parameter, values, gradients in views:
        parameter.data, parameter.grad = values.view_as(parameter), gradients.view_as(parameter)
    return flat


class ManualStep:
    """Manually derived gradients of the fully connected networks, unconditional and without penalty."""

    def __init__(self, setup: StepSetup) -> None:
        self.setup = setup
        generator, discriminator = setup.networks
        dtype = next(generator.parameters()).dtype
        self.dtype = torch.bfloat16 if setup.precision == "bfloat16" else dtype
        self._flat = flatten_parameters(generator), flatten_parameters(discriminator)
        self.generator, self.discriminator = _linear_layers(generator), _linear_layers(discriminator)

    @staticmethod
    def unsupported_reason(setup: StepSetup) -> str | None:
        """Reason why the networks or the penalty are not supported, or None."""
        generator, discriminator = setup.networks
        if type(generator) is not MlpGenerator or type(discriminator) is not MlpDiscriminator:
            return "needs architecture='mlp'"
        if (layer_kinds(generator), layer_kinds(discriminator)[:SHARED_LAYERS]) != _course_layer_kinds():
            return "needs architecture='mlp', and these networks have other layers"
        if reason := unsupported_use(generator, discriminator):
            return reason
        if setup.penalty is not None:
            return "supports no gradient penalty"
        return None if isinstance(discriminator[-1], nn.Flatten) else "needs conditional=False"

    def parameters(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """All parameters of generator and discriminator, each as one flat parameter."""
        generator, discriminator = self._flat
        return [generator], [discriminator]

    @torch.no_grad()
    def compute_gradients(self, inputs: StepInputs, penalty_weight: float | Tensor = 0.0) -> StepMetrics:
        """Write the gradients of both networks to their parameters' `.grad`."""
        for layer in (*self.generator, *self.discriminator):
            layer.cast(self.dtype)
        fake = self._generate(inputs.latents.to(self.dtype))
        hidden = torch.cat((inputs.real.flatten(1).to(self.dtype), fake))
        for layer in self.discriminator[:-1]:
            hidden = leaky_relu_(layer.forward(hidden), LEAKY_SLOPE)
        logits = self.discriminator[-1].forward(hidden).squeeze(1).to(inputs.real.dtype)
        metrics, dG_dlogits, dL_dlogits = loss_gradients(self.setup, logits)
        grads = (grad.unsqueeze(1).to(self.dtype) for grad in (dG_dlogits, dL_dlogits))
        dG_dfake = self._discriminator_backward(*grads)
        self._generator_backward(aten.tanh_backward(dG_dfake, fake))
        return metrics

    def _generate(self, latents: Tensor) -> Tensor:
        hidden = latents
        for layer in self.generator[:-1]:
            hidden = leaky_relu(layer.normalize(layer.forward(hidden)), LEAKY_SLOPE)
        return torch.tanh_(self.generator[-1].forward(hidden))

    def _discriminator_backward(self, dG_dlogits: Tensor, dL_dlogits: Tensor) -> Tensor:
        """Write the discriminator's gradients; return the generator loss's gradient with respect to the fake images."""
        fake = slice(len(dL_dlogits) // 2, None)
        first, *_, last = self.discriminator
        last.write_grads(dL_dlogits)
        dD = last.weight.expand(len(dL_dlogits), -1)  # of a logit, with respect to the units below
        for layer in reversed(self.discriminator[:-1]):
            dD = aten.leaky_relu_backward(dD, layer.outputs, LEAKY_SLOPE, True)
            layer.write_grads(dD * dL_dlogits)
            if layer is not first:
                dD = layer.input_grad(dD)
        return first.input_grad(dD[fake] * dG_dlogits[fake])

    def _generator_backward(self, grad_output: Tensor) -> None:
        for below, layer in reversed(list(pairwise(self.generator))):
            layer.write_grads(grad_output)
            grad_hidden = aten.leaky_relu_backward(layer.input_grad(grad_output), layer.inputs, LEAKY_SLOPE, True)
            grad_output = below.normalize_backward(grad_hidden)
        self.generator[0].write_grads(grad_output)


@cache
def _course_layer_kinds() -> tuple[list[LayerKind], list[LayerKind]]:
    with torch.device("meta"):
        return layer_kinds(MlpGenerator(1, 1e-5)), layer_kinds(MlpDiscriminator(num_classes=1))


def _linear_layers(network: nn.Module) -> list[ManualLinear]:
    return [
        ManualLinear(layer, following if isinstance(following, nn.BatchNorm1d) else None)
        for layer, following in pairwise([*network.children(), None])
        if isinstance(layer, nn.Linear)
    ]
