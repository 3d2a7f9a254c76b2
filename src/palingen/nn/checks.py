"""Checks of arguments, with the exception types of torch's layers and messages of one line."""

import warnings
from collections.abc import Collection, Iterable

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell
from palingen.runtime.errors import ConfigError
from palingen.runtime.validation import unknown_choice


def check_sizes(**sizes: object) -> None:
    """Check that every size is an integer above zero.

    Raises:
        TypeError, ValueError: one is not.
    """
    for name, size in sizes.items():
        if not isinstance(size, int):
            raise TypeError(f"{name}={size!r}: must be an int, not {type(size).__name__}")
        if size <= 0:
            raise ValueError(f"{name}={size}: must be greater than zero")


def check_cell(cell: object) -> None:
    """Check that a cell is a `Cell`, or a name, which `check_names` looks up.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(cell, Cell | str):
        raise TypeError(f"cell={cell!r}: must be a Cell or its name, not {type(cell).__name__}")


def check_flags(**flags: object) -> None:
    """Check that every flag is a bool; a number here is often an argument in the wrong position.

    Raises:
        TypeError: one is not.
    """
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise TypeError(f"{name}={flag!r}: must be a bool, not {type(flag).__name__}")


def check_names(**choices: tuple[object, Collection[str]]) -> None:
    """Check that every name, given with all that exist, is one of them.

    Raises:
        ConfigError: one is not; the message says which is closest.
    """
    for field, (name, names) in choices.items():
        if isinstance(name, str) and name not in names:
            raise ConfigError(f"{field}: {unknown_choice(name, names)}")


def check_dropout(dropout: object, num_layers: int) -> None:
    """Check a dropout probability, and warn if it has no effect.

    Raises:
        ValueError: it is no number from 0 to 1.
    """
    if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout <= 1:
        raise ValueError(f"dropout={dropout!r}: must be a number from 0 to 1")
    if dropout > 0 and num_layers == 1:
        message = f"dropout={dropout}: acts between layers, and num_layers=1 has none between"
        warnings.warn(message, stacklevel=4)  # where the layer is made, mostly


def check_dimensions(inputs: object, layer: str) -> None:
    """Check that inputs are a tensor of sequences, with or without a batch.

    Raises:
        TypeError: they are no tensor.
        ValueError: they have other dimensions.
    """
    if not isinstance(inputs, Tensor):
        raise TypeError(f"{layer}: input must be a tensor or a PackedSequence, not {type(inputs).__name__}")
    if inputs.dim() not in (2, 3):
        raise ValueError(f"{layer}: input must be 2-D or 3-D, not {inputs.dim()}-D")


def check_inputs(inputs: Tensor, input_size: int) -> None:
    """Check sizes of inputs, the steps first.

    Raises:
        RuntimeError: they have no steps, or another number of features.
    """
    if inputs.shape[-1] != input_size:
        raise RuntimeError(f"input: input.size(-1) must be input_size={input_size}, not {inputs.shape[-1]}")
    if inputs.shape[0] == 0:
        raise RuntimeError("input: must have at least one step")


def check_tensors(inputs: Tensor, tensors: Iterable[Tensor], owner: str) -> None:
    """Check that weights or an initial state have the dtype and device of the inputs.

    The native engine reads memory by address, so it must not find anything else there.

    Args:
        inputs: input sequences.
        tensors: the others.
        owner: whose they are, for the message.

    Raises:
        ValueError: a dtype differs.
        RuntimeError: a device differs.
    """
    dtype, device = inputs.dtype, inputs.device
    for tensor in tensors:
        if tensor.dtype != dtype:
            raise ValueError(f"input: is {dtype}, but {owner} {tensor.dtype}; convert one of them with .to()")
        if tensor.device != device:
            raise RuntimeError(f"input: is on {device}, but {owner} on {tensor.device}; move one of them with .to()")


def check_state(
    hx: Tensor | tuple[Tensor, ...] | list[Tensor], names: tuple[str, ...], ndim: int
) -> tuple[Tensor, ...]:
    """Parts of an initial state: one tensor, or a tuple for a cell with several.

    Args:
        hx: initial state as the user passed it.
        names: names of its parts.
        ndim: dimensions that each part must have.

    Raises:
        TypeError: it has other parts.
        RuntimeError: a part has other dimensions.
    """
    parts = (hx,) if isinstance(hx, Tensor) else tuple(hx)
    is_single = len(names) == 1
    if len(parts) != len(names) or isinstance(hx, Tensor) != is_single or not all(map(torch.is_tensor, parts)):
        expected = "one tensor" if is_single else f"a tuple of tensors ({', '.join(f'{name}_0' for name in names)})"
        raise TypeError(f"hx: must be {expected}")
    for part in parts:
        if part.dim() != ndim:
            kind = "unbatched 2-D" if ndim == 2 else "batched 3-D"
            raise RuntimeError(f"hx: for {kind} input it must also be {ndim}-D, not {part.dim()}-D")
    return parts


def check_state_shape(parts: tuple[Tensor, ...], shape: tuple[int, int, int]) -> None:
    """Check the shape of every part of an initial state.

    Raises:
        RuntimeError: one differs.
    """
    for index, part in enumerate(parts):
        if part.shape != torch.Size(shape):
            name = "hx" if len(parts) == 1 else f"hx[{index}]"
            raise RuntimeError(f"{name}: must have shape {shape}, not {tuple(part.shape)}")
