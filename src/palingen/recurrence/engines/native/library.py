"""Compiled code of a cell, and the reason why there is none."""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell
from palingen.recurrence.engines.captures import frozen_reason
from palingen.recurrence.engines.compiled_step import uses_only_sum
from palingen.recurrence.engines.native.arguments import MAX_STATES
from palingen.recurrence.engines.native.codegen import generate_header
from palingen.recurrence.engines.native.layout_ops import UnsupportedOperationError
from palingen.recurrence.engines.tracing import untraceable_reason
from palingen.runtime.native import cpp_build
from palingen.runtime.processor import has_avx512_bf16


def unsupported_reason(
    cell: Cell, inputs: Tensor, hidden_size: int | None = None, precision: str = "float32"
) -> str | None:
    """Reason why the native engine cannot run `cell` on `inputs` with products in `precision`, or None."""
    if inputs.device.type != "cpu" or inputs.dtype != torch.float32:
        return f"computes in float32 on a CPU, not in {inputs.dtype} on {inputs.device.type}"
    return frozen_reason(cell) or _unsupported_cell(cell, precision)


@cache
def _unsupported_cell(cell: Cell, precision: str) -> str | None:
    if precision == "bfloat16" and not has_avx512_bf16():
        return "the processor has no AVX512-BF16"
    if len(cell.state) > MAX_STATES:
        return f"the cell's state has {len(cell.state)} parts, more than {MAX_STATES}"
    if reason := untraceable_reason(cell):
        return reason
    try:
        load_cell(cell, precision)
    except (cpp_build.NoCompilerError, UnsupportedOperationError) as error:
        return str(error)
    return None


class CompiledCell(NamedTuple):
    """Compiled code of a cell."""

    forward: Callable[[bytes, int], None]
    """`cell_forward` of `SequenceArgs` of several runs, and their number."""

    backward: Callable[[bytes, bytes, int], None]
    """`cell_backward` of `SequenceArgs` and `GradientArgs` of several runs, and their number."""

    vector_size: int
    """Floats of a vector."""

    saved_per_unit: int
    """Floats that a step saves for each unit."""


@cache
def load_cell(cell: Cell, precision: str) -> CompiledCell:
    """Compiled code of a cell, for products in `precision`.

    Raises:
        NoCompilerError: it cannot be compiled.
        UnsupportedOperationError: the step contains an operation without vector form.
    """
    header = generate_header(cell, uses_only_sum(cell), precision)
    library = cpp_build.load_library(Path(__file__).with_name("recurrence.cpp"), header)
    library.floats_per_vector.restype = library.saved_floats_per_unit.restype = ctypes.c_long
    library.cell_forward.restype = library.cell_backward.restype = None
    sizes = library.floats_per_vector(), library.saved_floats_per_unit()
    return CompiledCell(library.cell_forward, library.cell_backward, *sizes)
