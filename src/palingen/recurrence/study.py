"""Study of how long each cell remembers, and how reliably: lengths, cells and seeds in parallel, resumable."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.engines import EngineName
from palingen.recurrence.memory_estimate import require_study_memory
from palingen.recurrence.train import train_palindrome
from palingen.recurrence.user_cells import load_cell
from palingen.runtime.atomic_io import write_json
from palingen.runtime.errors import DivergenceError, PalingenError
from palingen.runtime.json_io import read_json
from palingen.runtime.parallel import ParallelConfig, map_unordered
from palingen.runtime.run_files import ADVICE, DIVERGED_FILE, diverged_files, read_config, read_environment, read_result
from palingen.runtime.tracking.trackers import TrackerName, require_trackers
from palingen.runtime.user_code import part_label
from palingen.runtime.validation import SEEDS, require, require_integer

STUDIED = ("cell", "length", "seed")
"""Fields in which the runs of a study differ."""

DIVERGED = {"cell": str, "length": int, "seed": int, "accuracy": None, "loss": None, "seconds": None, "stopped": str}
"""Shape of a result of a run that diverged."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How the runs of a study are computed."""

    device: str = "cpu"
    engine: EngineName = "auto"
    force: bool = False
    """Delete what the run folders hold."""

    allow_engine_change: bool = False
    """Resume runs even if engine, threads or device differ."""

    trackers: tuple[TrackerName, ...] = ()
    """Trackers; each run has its own log."""


def enumerate_runs(
    base: PalindromeConfig, cells: Sequence[str], lengths: Sequence[int], seeds: int
) -> list[PalindromeConfig]:
    """Every run of a study, the longest palindromes first, so that no core idles long at the end.

    Raises:
        ConfigError: there is no run, or a cell is unknown or does not fit.
    """
    require_integer("seeds", seeds, SEEDS)
    require("cells", cells, len(cells) > 0, "must name at least one cell")
    require("lengths", lengths, len(lengths) > 0, "must name at least one length")
    read_cells = [*dict.fromkeys(replace(base, cell=cell).cell for cell in cells)]
    for cell in read_cells:
        load_cell(cell)
    return [
        replace(base, cell=cell, length=length, seed=seed)
        for length in sorted(set(lengths), reverse=True)
        for cell in read_cells
        for seed in range(seeds)
    ]


def run_name(config: PalindromeConfig) -> str:
    """Name of a run's folder in its study."""
    return f"{part_label(config.cell)}-T{config.length}-seed{config.seed}"


def is_same_study(config: PalindromeConfig, other: PalindromeConfig) -> bool:
    """Whether two runs can belong to one study: they differ in cell, length and seed alone."""
    names = [field.name for field in fields(PalindromeConfig) if field.name not in STUDIED]
    return all(getattr(config, name) == getattr(other, name) for name in names)


def load_results(out: Path, config: PalindromeConfig | None = None) -> list[dict[str, Any]]:
    """Results of all finished runs under `out`, each with its environment; the shortest palindromes first.

    Args:
        out: folder of a study. Runs of GANs in it are left out.
        config: config of the study, to leave out runs of other settings.

    Raises:
        PalingenError: a run is damaged.
    """
    return _load(out.glob("*/weights.safetensors"), config, _read_finished)


def load_diverged(out: Path, config: PalindromeConfig | None = None) -> list[dict[str, Any]]:
    """Results of all runs under `out` that diverged, as `run_study` yields them; the shortest first.

    Args:
        out: folder of a study.
        config: config of the study, to leave out runs of other settings.

    Raises:
        PalingenError: a run is damaged.
    """
    return _load(diverged_files(out), config, lambda path: read_json(path, DIVERGED, advice=ADVICE))


def _load(
    files: Iterable[Path], config: PalindromeConfig | None, read: Callable[[Path], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Results of the runs with these files that belong to a study, each with its folder's name; the shortest first."""
    results = []
    for path in files:
        try:
            if _belongs_to(config, path.parent):
                results.append({**read(path), "folder": path.parent.name})
        except PalingenError:
            if path.exists():  # else a worker is beginning this run anew
                raise
    return sorted(results, key=lambda result: (result["length"], result["cell"], result["seed"]))


def _read_finished(weights: Path) -> dict[str, Any]:
    return {**read_result(weights.parent), "environment": read_environment(weights.parent)}


def _belongs_to(config: PalindromeConfig | None, folder: Path) -> bool:
    """Whether the run in `folder` belongs to the study of `config`, or to any palindrome study."""
    kind = read_json(folder / "config.json", {"kind": str}, advice=ADVICE)["kind"]
    if kind != PalindromeConfig.__name__:
        return False
    return config is None or is_same_study(read_config(folder, PalindromeConfig), config)


def run_study(
    runs: Sequence[PalindromeConfig], out: Path, parallel: ParallelConfig, options: TrainOptions
) -> Iterator[dict[str, Any]]:
    """Train every run in its folder under `out`; yield the results in the order in which they finish.

    Finished runs are not repeated, and interrupted ones resume: the same study again completes it. A run that diverges
    ends, and is a result whose `accuracy`, `loss` and `seconds` are None and whose `stopped` says why; `load_diverged`
    reads it again.

    Raises:
        PalingenError: the backend or a tracker is not installed, a worker died, or the runs do not fit into memory.
        Interrupted: Ctrl-C; everything is saved.
    """
    require_trackers(options.trackers)
    if parallel.backend == "loky":  # a cluster has memory of its own
        require_study_memory(runs, options.engine, parallel.processes)
    return map_unordered(partial(_train, out.resolve(), options), runs, out, parallel)


def count_finished(runs: Sequence[PalindromeConfig], out: Path) -> int:
    """Number of runs of a study that are trained."""
    return sum((out / run_name(run) / "weights.safetensors").exists() for run in runs)


def _train(out: Path, options: TrainOptions, config: PalindromeConfig) -> dict[str, Any]:
    folder = out / run_name(config)
    try:
        result = train_palindrome(
            config,
            folder,
            torch.device(options.device),
            engine=options.engine,
            force=options.force,
            allow_engine_change=options.allow_engine_change,
            trackers=options.trackers,
        )
    except DivergenceError as error:
        result = {"cell": part_label(config.cell), "length": config.length, "seed": config.seed}
        result |= {"accuracy": None, "loss": None, "seconds": None, "stopped": str(error).removeprefix(f"{folder}: ")}
        write_json(folder / DIVERGED_FILE, result)
    return {**result, "folder": str(folder)}
