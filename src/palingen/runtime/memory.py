"""Memory: how much there is, and a refusal in one line before anything that cannot fit is allocated."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from palingen.runtime.errors import ConfigError

GIGABYTE = 1e9

CGROUP_LIMITS = {
    "memory.max": "memory.current",  # version 2
    "memory.limit_in_bytes": "memory.usage_in_bytes",  # version 1
}
"""Files with the limit of a control group, and with its use."""


class Need(NamedTuple):
    """Memory of one part of a computation."""

    part: str
    """Name in the message, a plural."""

    num_bytes: float

    fields: str
    """Fields or arguments that determine it."""


def require_memory(task: str, *needs: Need, device: torch.device | None = None) -> None:
    """Raise ConfigError if `task` needs more memory than there is.

    Args:
        task: computation, for the message.
        needs: memory of its parts, which are held at the same time.
        device: where it is computed; the CPU by default.
    """
    total, available = sum(need.num_bytes for need in needs), available_memory(device)
    if available is None or total <= available:
        return
    largest = max(needs, key=lambda need: need.num_bytes)
    share = f", {_gigabytes(largest.num_bytes)} of it for {largest.part}" if len(needs) > 1 else ""
    raise ConfigError(
        f"{task} needs about {_gigabytes(total)} of memory{share}, and {_gigabytes(available)} are available; "
        f"lower {largest.fields}"
    )


def available_memory(device: torch.device | None = None) -> int | None:
    """Bytes that this process can still allocate on `device`; None where the system does not say, as on Windows.

    On the CPU it is the least of the machine's available memory, the control group's (containers, batch systems) and
    the process's own limit.
    """
    if device is not None and device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return min((*_machine_memory(), *_cgroup_memory(), *_address_space()), default=None)


def _machine_memory(root: Path = Path("/")) -> Iterator[int]:
    """Available memory of the machine; where the system does not say, its whole memory."""
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        values = dict(line.split(":", 1) for line in lines if ":" in line)
        yield 1024 * int(values["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        names = getattr(os, "sysconf_names", {})
        if {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= names.keys():
            yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _cgroup_memory(root: Path = Path("/")) -> Iterator[int]:
    """Memory that is left to this process's control group, and to those above it."""
    try:
        entries = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for entry in entries:
        _, controllers, path = entry.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        mount = root / "sys/fs/cgroup" / controllers
        group = mount / path.strip("/")
        for folder in (group, *group.parents):
            yield from _limit_of_group(folder)
            if folder == mount:
                break


def _limit_of_group(folder: Path) -> Iterator[int]:
    """Memory that is left to one control group; the cache of files counts as free."""
    for limit, usage in CGROUP_LIMITS.items():
        try:
            statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            used = int((folder / usage).read_text()) - int(statistics.get("inactive_file", 0))
            yield max(0, int((folder / limit).read_text()) - used)  # without a limit, the file says "max"
        except (OSError, ValueError):
            continue


def _address_space() -> Iterator[int]:
    """Address space that is left under the limit of the process (`ulimit -v`), on Linux."""
    if sys.platform != "linux":
        return
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        yield max(0, limit - pages * resource.getpagesize())


def _gigabytes(num_bytes: float) -> str:
    return f"{num_bytes / GIGABYTE:,.1f} GB" if num_bytes < 1000 * GIGABYTE else f"{num_bytes / GIGABYTE:,.0f} GB"
