"""Arguments of the C++ functions, field by field as in `arguments.h`."""

import ctypes

from torch import Tensor

LOSS_NUMBERS = {
    name: number
    for number, name in enumerate(
        ("minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic")
    )
}
"""Losses of `losses.h`; autograd differentiates the others."""

Pointer, Long, Float = ctypes.c_void_p, ctypes.c_long, ctypes.c_float


class LayerArgs(ctypes.Structure):
    """Linear layer, and the BatchNorm and activation after it."""

    _fields_ = [
        *((name, Long) for name in ("inputs", "outputs", "activation")),
        *((name, Pointer) for name in ("weight", "bias", "scale", "shift", "running_mean", "running_var")),
        *((name, Pointer) for name in ("num_batches", "inverse_std", "normalized", "values")),
        *(("stride", Long), ("gradient", Pointer)),
        *((name, Float) for name in ("slope", "momentum", "eps")),
    ]


class NetworkArgs(ctypes.Structure):
    """Layers and parameters of a network, and what becomes of their gradients."""

    _fields_ = [
        *(("layers", ctypes.POINTER(LayerArgs)), ("count", Long), ("columns", Long)),
        *((name, Pointer) for name in ("inputs", "parameters", "gradients", "first_moment", "second_moment")),
        *((name, Float) for name in ("step_size", "beta1", "beta2", "eps", "correction")),
    ]


class StepArgs(ctypes.Structure):
    """Both networks, and inputs and outputs of one step."""

    _fields_ = [
        *(("generator", NetworkArgs), ("discriminator", NetworkArgs), ("images", Long), ("columns", Long)),
        *((name, Pointer) for name in ("latents", "real", "logits", "d_generator", "d_discriminator")),
        *(("metrics", Pointer), ("loss", Long), ("threads", Long), ("discriminator_weight", Float)),
    ]


def pointer(tensor: Tensor | None) -> int | None:
    """Address of a tensor's memory, or null."""
    return None if tensor is None else tensor.data_ptr()
