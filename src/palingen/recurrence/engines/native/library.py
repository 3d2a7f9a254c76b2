"""Compiled code of a cell, and the reason why there is none."""

import ctypes
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell
from palingen.recurrence.engines.captures import frozen_reason
from palingen.recurrence.engines.compiled_step import uses_only_sum
from palingen.recurrence.engines.native.arguments import MAX_STATES
from palingen.recurrence.engines.native.codegen import generate_header
from palingen.recurrence.engines.native.layout_ops import UnsupportedOperationError
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
    try:
        load_cell(cell, precision)
    except (cpp_build.NoCompilerError, UnsupportedOperationError) as error:
        return str(error)
    return None


@cache
def load_cell(cell: Cell, precision: str) -> ctypes.CDLL:
    """Compiled code of a cell, for products in `precision`.

    Raises:
        NoCompilerError: it cannot be compiled.
        UnsupportedOperationError: the step contains an operation without vector form.
    """
    header = generate_header(cell, uses_only_sum(cell), precision)
    library = cpp_build.load_library(Path(__file__).with_name("recurrence.cpp"), header)
    library.floats_per_vector.restype = library.saved_floats_per_unit.restype = ctypes.c_long
    return library
