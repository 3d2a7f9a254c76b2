"""`palingen palindrome`: recurrent cells and how long they remember."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from palingen import pictures, recipes
from palingen.cli.live import watch_study
from palingen.cli.terminal import Training, TrainingFlags, Where, WhereFlags, recipe_values, say
from palingen.config import check, check_value
from palingen.files import write_json
from palingen.recurrence import inside as insides
from palingen.recurrence import study as studies
from palingen.recurrence import train as recurrence
from palingen.recurrence.cells import CellName
from palingen.recurrence.engines import EngineName
from palingen.recurrence.experiment import PalindromeRun, data
from palingen.runs import choose_device, environment
from palingen.workers import Workers

app = App(name="palindrome", help="Recurrent cells that predict a palindrome's last digit from the digits before it.")


@app.command(name="train", config=recipe_values(recipes.PALINDROME))
def train(
    *,
    recipe: str = "course",
    config: Annotated[PalindromeRun, Parameter(name="*")] = recipes.PALINDROME["course"],
    engine: EngineName = "auto",
    where: TrainingFlags = Training(),
) -> None:
    """Train one cell at one length; without flags, the course's setting.

    T (--length) is the palindrome's whole length: T - 1 digits are read, the T-th is predicted. The course skeleton's
    --input_length n reads n digits and predicts the next, so it is --length n+1.

    Parameters
    ----------
    recipe:
        Named settings; flags beside it change single ones.
    config:
        The experiment.
    engine:
        How the cell is run: by its equations, with its step compiled by torch (fused), or all in C++ (native). All give
        the same; auto takes the fastest there is.
    where:
        Where to write and run.
    """
    folder = where.folder("palindrome", recipe, config)
    device = choose_device(where.device)
    if note := data(config).note:
        print(note, file=sys.stderr)
    result = recurrence.train(config, folder, device, engine=engine, force=where.force)
    curves = pictures.of_palindromes(folder, {config.cell: folder})
    files = [curves, folder / "records.jsonl", folder / "weights.safetensors"]
    shown = {name: result[name] for name in ("cell", "length", "seed", "accuracy", "loss", "seconds")}
    say({**shown, "folder": folder, "files": files}, where, title="Palindromes")


@app.command(name="inside")
def inside(*runs: Path, where: WhereFlags = Where()) -> None:
    """Draw the gates over time, and the gradient that reaches each step before and after training, of trained runs.

    Give an RNN and an LSTM of equal length to see the gradient vanish in the one and not in the other.

    Parameters
    ----------
    runs:
        Folders of finished `palindrome train` runs, one at least.
    where:
        Where to write; by default into the first run's folder.
    """
    check_value("runs", [str(run) for run in runs], len(runs) > 0, "one folder at least")
    looks = {run: insides.look(run) for run in runs}
    labels = {run: f"{look.config.cell} T = {look.config.length}" for run, look in looks.items()}
    if len({*labels.values()}) < len(labels):
        labels = {run: f"{label}, {run.name}" for run, label in labels.items()}
    files = pictures.of_inside(where.out or runs[0], {labels[run]: look for run, look in looks.items()})
    kept = {run: (insides.kept(look.before), insides.kept(look.after)) for run, look in looks.items()}
    if where.json:
        found = [{"run": run, "untrained": before, "trained": after} for run, (before, after) in kept.items()]
        say({"gradient_kept": found, "files": files}, where, title="")
    else:
        words = {labels[run]: f"{before:.2g} untrained, {after:.2g} trained" for run, (before, after) in kept.items()}
        named = {f"gradient that reaches the first step, {label}": said for label, said in words.items()}
        say({**named, "files": files}, where, title="Inside")


@app.command(name="study", config=recipe_values(recipes.PALINDROME, "memory"))
def study(
    *,
    cells: Annotated[tuple[CellName, ...], Parameter(consume_multiple=True, negative_iterable=())] = ("lstm", "rnn"),
    lengths: Annotated[tuple[int, ...], Parameter(consume_multiple=True, negative_iterable=())] = (
        10,
        20,
        50,
        100,
        200,
    ),
    seeds: int = 3,
    recipe: str = "memory",
    config: Annotated[PalindromeRun, Parameter(name="*", show_default=False)] = recipes.PALINDROME["memory"],
    engine: EngineName = "auto",
    workers: Annotated[Workers, Parameter(name="*")] = Workers(),
    where: TrainingFlags = Training(),
) -> None:
    """Train every cell at every length with every seed, to see how long each remembers and how reliably.

    Without flags: LSTM and RNN at 10 to 200 digits, three seeds each, one recipe for all. The same study again goes on
    where it was stopped, and more lengths or seeds in the same --out are added to what is there.

    Parameters
    ----------
    cells:
        Cells to compare.
    lengths:
        Lengths of palindromes, in digits.
    seeds:
        Runs of each cell at each length, with seeds 0, 1, ...
    recipe:
        Named settings of each run; flags beside it change single ones.
    config:
        Each run's experiment; its cell, length and seed are the study's.
    engine:
        How the cells are run; auto takes the fastest there is.
    workers:
        Where the runs are computed.
    where:
        Where to write and run.
    """
    for name, flag in (("cell", "cells"), ("length", "lengths"), ("seed", "seeds")):
        check(
            config,
            name,
            getattr(config, name) == getattr(recipes.PALINDROME[recipe], name),
            f"a study's; it takes --{flag}",
        )
    runs = studies.plan(config, cells, lengths, seeds)
    folder = where.folder("study", recipe, config)
    device = choose_device(where.device)
    results = watch_study(runs, studies.study(runs, folder, device, workers, engine=engine, force=where.force))
    every = studies.finished(folder)
    write_json(folder / "study.json", {"config": asdict(config), "environment": environment(), "runs": every})
    files = [pictures.of_memory(folder, every), folder / "study.json"]
    rows = [
        {name: run[name] for name in ("cell", "length", "seed", "accuracy", "loss", "seconds", "folder")}
        for run in results
    ]
    if where.json:
        say({"runs": rows, "folder": folder, "files": files}, where, title="")
    else:
        say({"folder": folder, "files": files}, where, title="Study")
