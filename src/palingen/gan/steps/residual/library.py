"""Compiled code, the reason why there is none, and the arguments of its functions."""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from palingen.runtime.native.cpp_build import NoCompilerError, load_library
from palingen.runtime.processor import has_avx512_bf16, processor_features

LANES = 16
"""Floats of a vector, which channels must fill."""


class Epilogue(ctypes.Structure):
    """Element-wise work on a product before it is stored (`gather_product.h`)."""

    _fields_ = (
        ("bias", ctypes.c_void_p),
        ("addend", ctypes.c_void_p),
        ("reference", ctypes.c_void_p),
        ("late_addend", ctypes.c_void_p),
        ("slope", ctypes.c_float),
        ("activates", ctypes.c_long),
    )


def unavailable_reason() -> str | None:
    """Reason why this machine cannot run the code, or None."""
    if not has_avx512_bf16():
        return "the processor has no AVX512-BF16"
    if (processor_features() or {}).get("AMX"):
        return "the processor has AMX, which oneDNN's convolutions use and these do not"
    try:
        _library()
    except NoCompilerError as error:
        return str(error)
    return None


def call(
    function: str, *arguments: Tensor | Epilogue | ctypes.Array[ctypes.c_long] | ctypes.c_float | int | None
) -> None:
    """Call a function of the library; tensors must be contiguous, and None is a null pointer."""
    _function(function)(*map(_convert, arguments))


def empty(*shape: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """Tensor for a result."""
    return torch.empty(shape, dtype=dtype)


def _convert(argument: object) -> object:
    if isinstance(argument, Tensor):
        assert argument.is_contiguous()
        return ctypes.c_void_p(argument.data_ptr())
    if isinstance(argument, Epilogue):
        return ctypes.byref(argument)
    return ctypes.c_long(argument) if isinstance(argument, int) else argument


@cache
def _function(name: str) -> Callable[..., None]:
    function: Callable[..., None] = getattr(_library(), name)
    return function


@cache
def _library() -> ctypes.CDLL:
    return load_library(Path(__file__).with_name("convolution.cpp"), "")
