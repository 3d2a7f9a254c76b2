"""Pool of large buffers, reused from one training step to the next.

Memory freed between steps would be returned to the system, which clears its pages again at every step; that costs as
much as using them.
"""

import ctypes
import mmap
import sys
import threading
import weakref
from collections import deque

import torch
from torch import Tensor

HUGE_PAGE = 1 << 21
"""Bytes."""


class BufferPool:
    """Pool of unused buffers.

    Args:
        capacity: number of buffers that are kept, the most recently released first.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._free: list[Tensor] = []
        self._finalised: deque[Tensor] = deque(maxlen=capacity)
        self._lock = threading.Lock()

    def acquire(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Uninitialised buffer of the given shape, with the dtype and device of `like`."""
        count = torch.Size(shape).numel()
        with self._lock:
            while self._finalised:
                self._add(self._finalised.popleft())
            for index, buffer in enumerate(self._free):
                fits = count <= buffer.numel() <= 2 * count
                if fits and buffer.dtype == like.dtype and buffer.device == like.device:
                    return self._free.pop(index)[:count].view(shape)
        return _on_huge_pages(like.new_empty(count)).view(shape)

    def release(self, *buffers: Tensor) -> None:
        """Return buffers to the pool; the caller must not use them again."""
        with self._lock:
            self._add(*buffers)

    def release_finalised(self, buffer: Tensor) -> None:
        """Return a buffer to the pool from a finaliser, without waiting: the next `acquire` finds it.

        A garbage collection can start wherever the pool holds its lock, and its finalisers run in the same thread.
        """
        self._finalised.append(buffer)

    def _add(self, *buffers: Tensor) -> None:
        """Put buffers first among the unused ones, as large as their memory."""
        storages = [buffer.new_empty(0).set_(buffer.untyped_storage()) for buffer in buffers]
        self._free = [*storages, *self._free][: self.capacity]


def _on_huge_pages(buffer: Tensor) -> Tensor:
    """Ask the system for pages of 2 MB where a buffer fills them: reading it looks up few addresses then."""
    start = -(-buffer.data_ptr() // HUGE_PAGE) * HUGE_PAGE
    count = (buffer.data_ptr() + buffer.nbytes - start) // HUGE_PAGE
    if count > 0 and buffer.device.type == "cpu" and sys.platform == "linux":
        advise = ctypes.CDLL(None).madvise
        advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        advise(start, count * HUGE_PAGE, mmap.MADV_HUGEPAGE)  # if it fails, pages are small
    return buffer


BUFFER_POOL = BufferPool(capacity=16)


class PooledBuffer:
    """Buffer of `BUFFER_POOL` that returns to it with its last reference, as with the graph of a run.

    Args:
        size: numbers that it holds.
        like: tensor of its dtype and device.
    """

    def __init__(self, size: int, like: Tensor) -> None:
        self.memory = BUFFER_POOL.acquire((size,), like)
        weakref.finalize(self, BUFFER_POOL.release_finalised, self.memory)
