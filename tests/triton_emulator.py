"""Emulator of the operations of Triton that the kernels use, on a CPU: one thread for each program of a launch.

It stands in for the package `triton` where there is no GPU, so that the generated code, the division among the programs
and their exchange are tested everywhere. Blocks are torch tensors.
"""

import sys
import threading
import time
from functools import cache
from itertools import product
from types import ModuleType
from unittest.mock import patch

import torch

from palingen.recurrence.engines.compiled_step import uses_only_sum
from palingen.recurrence.engines.triton.codegen import generate_kernels
from palingen.recurrence.engines.triton.launch import STORE
from palingen.recurrence.engines.triton.module_loader import load_module

TIMEOUT = 20.0
"""Seconds after which a program that waits for the others fails."""

_program = threading.local()


class Pointer:
    """Address of a block: the memory behind a tensor, and offsets into it."""

    def __init__(self, memory, offsets=0):
        self.memory, self.offsets = memory, offsets

    def __add__(self, offsets):
        return Pointer(self.memory, self.offsets + offsets)

    @property
    def shape(self):
        return self.offsets.shape

    @classmethod
    def to(cls, argument):
        """Argument as a kernel gets it."""
        if isinstance(argument, tuple):
            return tuple(map(cls.to, argument))
        if not isinstance(argument, torch.Tensor):
            return argument
        start = argument.storage_offset()
        size = argument.untyped_storage().nbytes() // argument.element_size() - start
        return cls(torch.as_strided(argument.data, (size,), (1,), start))


class Kernel:
    """Function with Triton's decorator: called by other kernels, or launched on a grid."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *arguments, **options):
        return self.function(*arguments, **options)

    def __getitem__(self, grid):
        def launch(*arguments, num_warps, launch_cooperative_grid, **constants):
            assert launch_cooperative_grid
            pointers, errors = [Pointer.to(argument) for argument in arguments], []

            def run(program):
                _program.index, _program.grid = program, grid
                try:
                    self.function(*pointers, **constants)
                except Exception as error:
                    errors.append(error)

            threads = [threading.Thread(target=run, args=(program,)) for program in product(*map(range, grid))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if errors:
                raise errors[0]

        return launch


class Constant(int):
    """Number known when a kernel is compiled."""

    value = property(int)


def load(pointer, mask=None, other=0.0):
    offsets = torch.as_tensor(pointer.offsets)
    if mask is None:
        return pointer.memory[offsets]
    offsets, mask = torch.broadcast_tensors(offsets, mask)
    return torch.where(mask, pointer.memory[torch.where(mask, offsets, 0)], torch.tensor(other))


def store(pointer, value, mask):
    offsets, mask, value = torch.broadcast_tensors(torch.as_tensor(pointer.offsets), mask, value)
    pointer.memory[offsets[mask]] = value[mask]


def inline_asm_elementwise(asm, constraints, arguments, dtype, is_pure, pack):
    """The two instructions of `launch.py`."""
    pointer, numbers = arguments
    if asm == STORE:
        pointer.memory[pointer.offsets] = numbers
        return numbers
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        arrived = pointer.memory[pointer.offsets]
        if not ((arrived ^ numbers) & 1).any():
            return arrived
        time.sleep(0)
    raise TimeoutError("a program waits for numbers that no other writes")


def cast(value, dtype, bitcast=False):
    if not isinstance(value, torch.Tensor):
        return value
    return value.view(dtype) if bitcast else value.to(dtype)


def dot(a, b, acc=0.0, input_precision=None):
    return a @ b + acc


@cache
def emulated_kernels(cell):
    """Generated kernels of a cell, with this emulator in place of Triton."""
    code = generate_kernels(cell, uses_only_sum(cell))
    with patch.dict(sys.modules, _modules()):  # no longer, since torch looks for the real package
        return load_module.__wrapped__(code)  # not from its cache, which may hold the module with the real package


def _modules():
    triton, language = ModuleType("triton"), ModuleType("triton.language")
    triton.jit, triton.language = Kernel, language
    functions = (load, store, inline_asm_elementwise, cast, dot)
    vars(language).update({function.__name__: function for function in functions})
    names = ["arange", "where", "zeros_like", "sum", "permute", "reshape", "broadcast_to", "exp", "abs"]
    names += ["int32", "int64", "float32"]
    vars(language).update({name: getattr(torch, name) for name in names})
    language.constexpr, language.static_range = Constant, range
    language.program_id = lambda axis: _program.index[axis]
    language.num_programs = lambda axis: _program.grid[axis]
    language.zeros = lambda shape, dtype: torch.zeros(shape, dtype=dtype)
    language.full = lambda shape, value, dtype: torch.full(shape, value, dtype=dtype)
    language.join = lambda a, b: torch.stack([a, b], -1)
    language.split = lambda block: block.unbind(-1)
    return {"triton": triton, "triton.language": language}
