"""One training in several processes, each on a device of its own: who leads, whose share is which, what all add up.

All processes make the same weights, draw the same noise and see the same order of examples. Each takes its share of
every batch; the sum of what the shares say moves all of them alike. Lightning Fabric starts the processes (or torchrun
does, on several machines) and connects them.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from palingen.config import check_value
from palingen.errors import PalingenError
from palingen.runs import choose_device


@dataclass(frozen=True)
class Team:
    """One process among all that train together; the only one by default."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def share(self, rows: Tensor) -> Tensor:
        """The rows of a batch that are for this process."""
        return rows[self.rank :: self.size] if self.size > 1 else rows

    def add_up(self, tensors: Sequence[Tensor], weight: float = 1.0) -> None:
        """Put the sum over all processes, each times its weight, in the place of every tensor."""
        if self.size == 1:
            return
        whole = torch.cat([tensor.detach().flatten() for tensor in tensors]).mul_(weight)
        torch.distributed.all_reduce(whole)
        for tensor, total in zip(tensors, whole.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.detach().copy_(total.view_as(tensor))

    def any(self, said: bool) -> bool:
        """Whether any process says so."""
        if self.size == 1:
            return said
        count = torch.tensor(float(said), device=self.device)
        self.add_up([count])
        return bool(count > 0)

    def check_same(self, tensors: Sequence[Tensor]) -> None:
        """See that all processes hold the same numbers.

        Raises:
            PalingenError: one holds others; the training was not one training.
        """
        if self.size == 1:
            return
        own = torch.cat([tensor.detach().flatten() for tensor in tensors])
        first = own.clone()
        torch.distributed.broadcast(first, 0)
        if self.any(not torch.equal(own, first)):
            raise PalingenError("the processes hold different weights; are their machines and versions the same?")

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            torch.distributed.barrier()


def gather(device: str, devices: int, nodes: int) -> Team:
    """Start a process for each device, or join those that torchrun started; the team as this process sees it.

    Args:
        device: `cpu`, `cuda`, `mps`, or `auto` for the best there is.
        devices: processes on each machine, each with a device of its own (of `cpu`: with its share of the cores).
        nodes: machines. On each, start the same command by torchrun.

    Raises:
        PalingenError: there are fewer such devices, or the machines do not find each other.
    """
    check_value("devices", devices, devices >= 1, "at least 1")
    check_value("nodes", nodes, nodes >= 1, "at least 1")
    chosen = choose_device(device)
    if devices == nodes == 1:
        return Team(chosen)
    from lightning_fabric import Fabric

    kind = chosen.type
    if kind == "cuda" and torch.cuda.device_count() < devices:
        raise PalingenError(f"devices: {devices} are asked for, there are {torch.cuda.device_count()}")
    if kind == "mps":
        raise PalingenError("devices: several are possible with cpu or cuda")
    if nodes > 1 and "RANK" not in os.environ:
        raise PalingenError("nodes: on each machine start the command by torchrun, which lets them find each other")
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it would say four lines of no interest
    fabric = Fabric(accelerator=kind, devices=devices, num_nodes=nodes, strategy="ddp")
    fabric.launch()
    return Team(fabric.device, fabric.global_rank, fabric.world_size)
