"""Checks of a recurrent layer's arguments: an engine in C++ reads memory by address, so it must find what it expects.

B  sequences      T  steps      I  inputs      H  hidden units
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from palingen.runtime.errors import ConfigError


def check_inputs(inputs: object, input_size: int) -> None:
    """Check that inputs are sequences [B, T, I] of at least one step.

    Raises:
        ConfigError: they are not.
    """
    if isinstance(inputs, Tensor) and inputs.dim() == 3 and inputs.shape[1] > 0 and inputs.shape[2] == input_size:
        return
    rule = f"must be a tensor [B, T, I] with at least one step and I = input_size = {input_size}"
    raise ConfigError(f"inputs: {rule}, not {_describe(inputs)}")


def check_state(state: object, names: tuple[str, ...], shape: tuple[int, int]) -> None:
    """Check that an initial state has all its parts, each of `shape` [B, H].

    Raises:
        ConfigError: it has not.
    """
    if not isinstance(state, tuple | list) or len(state) != len(names):
        raise ConfigError(f"state: must be a tuple of tensors ({', '.join(names)}), not {_describe(state)}")
    for name, part in zip(names, state, strict=True):
        if not isinstance(part, Tensor) or part.shape != shape:
            raise ConfigError(f"state: {name} must be a tensor [B, H] = {list(shape)}, not {_describe(part)}")


def check_tensors(inputs: Tensor, tensors: Iterable[Tensor], owner: str) -> None:
    """Check that weights or an initial state have the dtype and device of the inputs.

    Args:
        inputs: input sequences.
        tensors: the others.
        owner: whose they are, for the message.

    Raises:
        ConfigError: a dtype or a device differs.
    """
    dtype, device = inputs.dtype, inputs.device
    for tensor in tensors:
        if tensor.dtype != dtype:
            raise ConfigError(f"inputs: are {dtype}, but {owner} {tensor.dtype}; convert one of them with .to()")
        if tensor.device != device:
            raise ConfigError(f"inputs: are on {device}, but {owner} on {tensor.device}; move one of them with .to()")


def check_reset_mask(reset_mask: object, inputs: Tensor) -> None:
    """Check that a reset mask is a boolean tensor [B, T] on the device of the inputs.

    Raises:
        ConfigError: it is not.
    """
    shape, device = inputs.shape[:2], inputs.device
    if not isinstance(reset_mask, Tensor) or reset_mask.shape != shape or reset_mask.dtype != torch.bool:
        raise ConfigError(f"reset_mask: must be a boolean tensor [B, T] = {list(shape)}, not {_describe(reset_mask)}")
    if reset_mask.device != device:
        raise ConfigError(f"reset_mask: is on {reset_mask.device}, but inputs on {device}; move one of them with .to()")


def check_lengths(lengths: object, inputs: Tensor) -> None:
    """Check that lengths are integers [B] from 1 to T.

    Raises:
        ConfigError: they are not.
    """
    B, T = inputs.shape[:2]
    if not isinstance(lengths, Tensor) or lengths.shape != (B,) or lengths.dtype not in (torch.int64, torch.int32):
        raise ConfigError(f"lengths: must be a tensor of integers [B] = [{B}], not {_describe(lengths)}")
    if B and not 1 <= int(lengths.min()) <= int(lengths.max()) <= T:
        raise ConfigError(f"lengths={lengths.tolist()}: must be between 1 and {T}, the steps of inputs")


def _describe(value: object) -> str:
    """Dtype and shape of a tensor, else the type."""
    if isinstance(value, Tensor):
        return f"{value.dtype} {list(value.shape)}"
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, tuple | list) else type(value).__name__
