"""Peak of the cores' multiply-add instructions in float32, the bound of every matrix product."""

import ctypes
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from palingen.runtime.native.cpp_build import load_library

ROUNDS = 2_000_000
"""Rounds of one measurement, some 10 ms."""

REPEATS = 9
"""Measurements, of which the fastest counts: other load only slows them."""


def peak_gflops(threads: int) -> float:
    """10^9 operations a second of all threads together, in a loop without memory.

    Raises:
        NoCompilerError: there is no C++ compiler.
    """
    kernel = load_library(Path(__file__).with_suffix(".cpp"), "").multiply_add
    kernel.argtypes, kernel.restype = [ctypes.c_long], ctypes.c_double

    def gflops(rounds: int) -> float:
        start = time.thread_time()  # of the core alone, whatever else runs on it
        operations: float = kernel(rounds)
        return operations / (time.thread_time() - start) / 1e9

    with ThreadPoolExecutor(threads) as pool:  # ctypes leaves the interpreter's lock to the others
        return max(sum(pool.map(gflops, [ROUNDS] * threads)) for _ in range(REPEATS))


def lstm_gflop(B: int, T: int, I: int, H: int) -> float:
    """10^9 operations of the matrix products of one training step of an LSTM: forward, backward and weights."""
    return 2 * T * B * 4 * H * ((H + I) + H + (H + I)) / 1e9
