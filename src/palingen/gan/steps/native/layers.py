"""Layers of fully connected networks: linear ones, each with the BatchNorm and the activation after it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import torch
from torch import nn

from palingen.gan.steps.structure import unsupported_use


class Activation(IntEnum):
    """Activations, numbered as in `arguments.h`."""

    IDENTITY = 0
    LEAKY_RELU = 1
    TANH = 2
    SIGMOID = 3


SATURATING = {nn.Tanh: Activation.TANH, nn.Sigmoid: Activation.SIGMOID}

RESHAPING = nn.Flatten, nn.Unflatten


class UnsupportedLayerError(Exception):
    """A network has a layer that the native engine does not know; the message names it."""


@dataclass(frozen=True)
class MlpLayer:
    """Linear layer, and the BatchNorm and activation after it."""

    linear: nn.Linear
    norm: nn.BatchNorm1d | None = None
    activation: Activation = Activation.IDENTITY
    slope: float = 0.0
    """Slope of LEAKY_RELU where its input is negative."""


def mlp_layers(network: nn.Module) -> list[MlpLayer]:
    """Layers of a fully connected network, in order.

    Raises:
        UnsupportedLayerError: it is no `nn.Sequential` of such layers, or some of their settings or sizes are others.
    """
    if not isinstance(network, nn.Sequential) or type(network).forward is not nn.Sequential.forward:
        raise UnsupportedLayerError("needs networks that are an nn.Sequential")
    modules = list(network)
    if reason := unsupported_use(network):
        raise UnsupportedLayerError(reason)
    parameters = [parameter for _, parameter in network.named_parameters(remove_duplicate=False)]
    if len({*map(id, modules)}) < len(modules) or len({*map(id, parameters)}) < len(parameters):
        raise UnsupportedLayerError("supports no layer and no weight that is used twice")
    layers = list(_grouped([module for module in modules if type(module) not in RESHAPING]))
    _require_matching_sizes(layers)
    return layers


def _grouped(modules: list[nn.Module]) -> Iterator[MlpLayer]:
    while modules:
        linear = modules.pop(0)
        if type(linear) is not nn.Linear or linear.bias is None:
            raise UnsupportedLayerError(f"needs a linear layer with bias in place of {linear}")
        norm = _take_norm(modules)
        activation, slope = Activation.IDENTITY, 0.0
        if modules and type(modules[0]) is not nn.Linear:
            activation, slope = _activation(modules.pop(0))
        yield MlpLayer(linear, norm, activation, slope)


def _require_matching_sizes(layers: list[MlpLayer]) -> None:
    """Check that every layer takes all features of an image that the layer before gives.

    Raises:
        UnsupportedLayerError: one does not.
    """
    # a layer between an Unflatten and a Flatten may act on one axis of several, which shows in its sizes alone
    sizes = [(below.linear.out_features, layer.linear.in_features) for below, layer in pairwise(layers)]
    sizes += [(layer.linear.out_features, layer.norm.num_features) for layer in layers if layer.norm is not None]
    if any(outputs != inputs for outputs, inputs in sizes):
        raise UnsupportedLayerError("needs layers that each take all features of an image")


def _take_norm(modules: list[nn.Module]) -> nn.BatchNorm1d | None:
    if not modules or type(modules[0]) is not nn.BatchNorm1d:
        return None
    norm = modules.pop(0)
    assert isinstance(norm, nn.BatchNorm1d)
    if not norm.affine or not norm.track_running_stats or norm.momentum is None:
        raise UnsupportedLayerError("needs BatchNorm with weights, running statistics and momentum")
    return norm


def _activation(module: nn.Module) -> tuple[Activation, float]:
    if type(module) in SATURATING:
        return SATURATING[type(module)], 0.0
    if type(module) is nn.ReLU:
        return Activation.LEAKY_RELU, 0.0
    if type(module) is nn.LeakyReLU and module.negative_slope >= 0:  # so that output and input have one sign
        return Activation.LEAKY_RELU, module.negative_slope
    raise UnsupportedLayerError(f"does not support the layer {module}")


def unsupported_parameters(network: nn.Module) -> str | None:
    """Reason why the parameters of a network are not supported, or None."""
    for parameter in network.parameters():
        if parameter.device.type != "cpu" or parameter.dtype is not torch.float32:
            return f"computes in float32 on a CPU, not in {parameter.dtype} on {parameter.device.type}"
        if not parameter.requires_grad:
            return "needs parameters that all require gradients"
    return None
