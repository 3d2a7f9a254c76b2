"""Large buffers between two uses.

Were they given back, the system would clear their pages anew each time, which costs as much as using them.
"""

import threading

import torch
from torch import Tensor


class Pool:
    """Buffers that nobody uses; the newest few are kept."""

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self._free: list[Tensor] = []
        self._lock = threading.Lock()

    def take(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """A buffer of this shape with anything in it, of the type and on the device of `like`."""
        count = torch.Size(shape).numel()
        with self._lock:
            for place, buffer in enumerate(self._free):
                fits = count <= buffer.numel() <= 2 * count
                if fits and buffer.dtype == like.dtype and buffer.device == like.device:
                    return self._free.pop(place)[:count].view(shape)
        return like.new_empty(count).view(shape)

    def give(self, *buffers: Tensor) -> None:
        """Keep them for the next one. Whoever gives a buffer must not look at it again."""
        with self._lock:
            whole = [buffer.new_empty(0).set_(buffer.untyped_storage()) for buffer in buffers]
            self._free = [*whole, *self._free][: self.kept]


POOL = Pool(kept=4)
