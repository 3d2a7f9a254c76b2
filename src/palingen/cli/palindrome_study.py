"""`palingen palindrome study`: how long each cell remembers, and how reliably."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from palingen.cli.console import output_console
from palingen.cli.options import (
    ENGINE,
    FIELDS,
    FLATTENED,
    SEVERAL,
    TrainingFlags,
    TrainingOptions,
    print_result,
    recipe_flag,
)
from palingen.cli.study_progress import accuracy_table, show_study_progress, warn_of_trackers
from palingen.recipes import PALINDROME
from palingen.recurrence.cells import CellName
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.engines import EngineName
from palingen.recurrence.study import (
    TrainOptions,
    count_finished,
    enumerate_runs,
    is_same_study,
    load_diverged,
    load_results,
    run_name,
    run_study,
)
from palingen.runtime.atomic_io import write_json
from palingen.runtime.config_io import describe_changes, parse_config
from palingen.runtime.errors import RunError
from palingen.runtime.json_io import read_json
from palingen.runtime.numerics import select_device
from palingen.runtime.parallel import ParallelConfig
from palingen.runtime.user_code import part_label
from palingen.runtime.validation import require_field
from palingen.workflows.run_figures import study_figure

LENGTHS = (10, 20, 50, 100, 200)

FLAGS = {"cell": "--cells", "length": "--lengths", "seed": "--seeds"}
"""Flags for the fields in which the runs of a study differ."""


def study(
    *,
    cells: Annotated[tuple[CellName | str, ...], SEVERAL, Parameter(help="Cells to compare, or FILE.py:NAME.")] = (
        "lstm",
        "rnn",
    ),
    lengths: Annotated[tuple[int, ...], SEVERAL, Parameter(help="Lengths of the palindromes.")] = LENGTHS,
    seeds: Annotated[int, Parameter(help="Runs of each cell at each length, with seeds 0, 1, ...")] = 3,
    recipe: Annotated[str, recipe_flag(PALINDROME)] = "memory",
    config: Annotated[PalindromeConfig, FIELDS] = PALINDROME["memory"],
    engine: Annotated[EngineName, ENGINE] = "auto",
    parallel: Annotated[ParallelConfig, FLATTENED] = ParallelConfig(),
    options: TrainingFlags = TrainingOptions(),
) -> None:
    """Train every cell at every length with every seed, to see how long each remembers and how reliably.

    The same command resumes an interrupted study. More cells, lengths or seeds with the same --out are added to it;
    --force trains those that are named anew.
    """
    for name, flag in FLAGS.items():
        is_unset = getattr(config, name) == getattr(PALINDROME[recipe], name)
        require_field(config, name, is_unset, f"is set by the study; use {flag}")
    runs = enumerate_runs(config, cells, lengths, seeds)
    folder = options.folder("study", recipe, config)
    if not options.force:
        _require_same_settings(folder, config)
    train_options = TrainOptions(device=str(select_device(options.device)), engine=engine, **options.keywords)
    write = partial(_write_study, folder, config, {run_name(run) for run in runs})
    finished = 0 if options.force else count_finished(runs, folder)
    results = _show_progress(runs, run_study(runs, folder, parallel, train_options), write, finished)
    all_results = write()
    if not options.json:
        output_console().print(accuracy_table(all_results))
    is_any_finished = any("stopped" not in result for result in all_results)
    figures = [study_figure(folder, all_results)] if is_any_finished else []
    paths = {"folder": folder, "files": [*figures, folder / "study.json"]}
    keys = ("cell", "length", "seed", "accuracy", "loss", "seconds", "stopped", "folder")
    record = {"runs": [{key: result[key] for key in keys if key in result} for result in results]}
    print_result({**record, **paths}, options.json, title="Study", rows=paths)
    warn_of_trackers(folder)


def _write_study(folder: Path, config: PalindromeConfig, runs: set[str]) -> list[dict[str, Any]]:
    """Write study.json with all results of the study under `folder`; return them, those of diverged runs last.

    It also says how many there will be at the end of this command, since not all of them may have begun.
    """
    results, diverged = load_results(folder, config), load_diverged(folder, config)
    settings = {"kind": type(config).__name__, **asdict(config)}
    planned = len(runs | {result["folder"] for result in (*results, *diverged)})
    content = {"config": settings, "planned": planned, "runs": results, "diverged": diverged}
    write_json(folder / "study.json", content)
    return [*results, *diverged]


def _show_progress(
    runs: Sequence[PalindromeConfig], results: Iterable[dict[str, Any]], write: Callable[[], object], finished: int
) -> list[dict[str, Any]]:
    """Collect all results, the shortest palindromes first, and show progress."""
    cells = [part_label(run.cell) for run in runs]
    pairs = [(cell, run.length) for cell, run in zip(cells, runs, strict=True)]
    table = partial(accuracy_table, runs=pairs)
    done = show_study_progress(len(runs), results, table, _latest, write, finished)
    return sorted(done, key=lambda result: (result["length"], cells.index(result["cell"]), result["seed"]))


def _latest(result: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
    """Name and numbers of a finished run; no numbers if it diverged."""
    name = f"{result['cell']} T={result['length']:,} seed {result['seed']}"
    return name, {key: result[key] for key in ("accuracy", "seconds") if result[key] is not None}


def _require_same_settings(folder: Path, config: PalindromeConfig) -> None:
    """Raise RunError if the folder holds a study of other settings, since study.json has one config for all runs."""
    path = folder / "study.json"
    if not path.exists():
        return
    study = read_json(path, {"config": dict}, advice="delete it; the study makes it again from its runs")
    present = parse_config(study["config"], PalindromeConfig, path)
    if not is_same_study(present, config):
        changes = describe_changes(replace(present, cell=config.cell, length=config.length, seed=config.seed), config)
        raise RunError(f"{folder}: holds a study with other settings ({changes}); choose another folder with --out")
