"""Data-parallel training in several processes, one device each.

All processes hold the same weights, draw the same noise and see the same order of examples. Each computes the gradients
of its shard of every batch, and their weighted sum updates all replicas alike. Lightning Fabric starts the processes
(torchrun, on several machines) and connects them.
"""

import atexit
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from palingen.runtime.errors import PalingenError
from palingen.runtime.numerics import select_device
from palingen.runtime.validation import require


@dataclass(frozen=True)
class ProcessGroup:
    """Processes that train together, as one of them sees it; by default a single process."""

    device: torch.device
    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and output."""
        return self.rank == 0

    def shard(self, rows: Tensor) -> Tensor:
        """Rows of a batch that belong to this process."""
        return rows[self.rank :: self.world_size] if self.world_size > 1 else rows

    def all_reduce_sum(self, tensors: Sequence[Tensor], weight: float = 1.0) -> None:
        """Replace every tensor by its sum over all processes, each process with its own weight."""
        if self.world_size == 1:
            return
        flat = torch.cat([tensor.detach().flatten() for tensor in tensors]).mul_(weight)
        torch.distributed.all_reduce(flat)
        for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.detach().copy_(total.view_as(tensor))

    def any_rank(self, flag: bool) -> bool:
        """Whether `flag` is true in any process."""
        if self.world_size == 1:
            return flag
        count = torch.tensor(float(flag), device=self.device)
        self.all_reduce_sum([count])
        return bool(count > 0)

    def assert_replicas_equal(self, tensors: Sequence[Tensor]) -> None:
        """Check that all processes hold the same tensors.

        Raises:
            PalingenError: the replicas have diverged.
        """
        if self.world_size == 1:
            return
        own = torch.cat([tensor.detach().flatten() for tensor in tensors])
        reference = own.clone()
        torch.distributed.broadcast(reference, 0)
        if self.any_rank(not torch.equal(own, reference)):
            raise PalingenError("the processes hold different weights; check that machines and versions are the same")

    def barrier(self) -> None:
        """Wait for all processes."""
        if self.world_size > 1:
            torch.distributed.barrier()


def init_distributed(device: str, devices: int, nodes: int) -> ProcessGroup:
    """Start a process for each device, or join the ones that torchrun started.

    Args:
        device: `cpu`, `cuda`, `mps`, or `auto` for the best available.
        devices: processes on each machine, each with a device of its own (on `cpu`: with its share of the cores).
        nodes: machines; on each, start the same command with torchrun.

    Raises:
        PalingenError: there are fewer devices, or the machines cannot find each other.
    """
    require("devices", devices, devices >= 1, "must be at least 1")
    require("nodes", nodes, nodes >= 1, "must be at least 1")
    selected = select_device(device)
    if devices == nodes == 1:
        return ProcessGroup(selected)
    from lightning_fabric import Fabric

    kind = selected.type
    if kind == "cuda":
        available = torch.cuda.device_count()
        require("devices", devices, devices <= available, f"this machine has {available} CUDA devices")
    if kind == "cpu":
        cores = os.cpu_count() or 1
        require("devices", devices, devices <= cores, f"must be at most {cores}, the cores of this machine")
    require("devices", devices, kind != "mps", "must be 1 on mps")
    if nodes > 1 and "RANK" not in os.environ:
        raise PalingenError(f"nodes={nodes}: start the command on each machine with torchrun")
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # four lines at every start otherwise
    fabric = Fabric(accelerator=kind, devices=devices, num_nodes=nodes, strategy="ddp")
    fabric.launch()
    atexit.register(_disconnect)
    return ProcessGroup(fabric.device, fabric.global_rank, fabric.world_size)


def _disconnect() -> None:
    """End the threads of the connection, which could outlive what they use while the process exits."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
