"""`palingen palindrome`: recurrent cells, and how long they remember."""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from palingen.cli.help import HelpFormatter
from palingen.cli.options import (
    ENGINE,
    FIELDS,
    OutputFlags,
    OutputOptions,
    TrainingFlags,
    TrainingOptions,
    TrustCode,
    folder_name,
    print_result,
    recipe_flag,
    recipe_values,
)
from palingen.cli.palindrome_study import study
from palingen.recipes import PALINDROME
from palingen.recurrence.analysis import RunAnalysis, analyze_run
from palingen.recurrence.cells import CellName
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.engines import EngineName
from palingen.recurrence.export import export_network
from palingen.recurrence.palindromes import repetition_note
from palingen.recurrence.retention import gradient_retention, retention_text
from palingen.recurrence.train import train_palindrome
from palingen.recurrence.user_cells import load_cell
from palingen.runtime.numerics import select_device
from palingen.runtime.paths import PRETRAINED_PREFIX
from palingen.runtime.user_code import part_label
from palingen.runtime.validation import require
from palingen.workflows.run_figures import analysis_figure, palindrome_figure

app = App(name="palindrome")
app.command(
    study,
    name="study",
    config=recipe_values(PALINDROME, "memory"),
    help_formatter=HelpFormatter(asdict(PALINDROME["memory"]), hidden=("cell", "length", "seed")),
)


@app.command(name="train", config=recipe_values(PALINDROME))
def train(
    *,
    recipe: Annotated[str, recipe_flag(PALINDROME)] = "course",
    config: Annotated[PalindromeConfig, FIELDS] = PALINDROME["course"],
    engine: Annotated[EngineName, ENGINE] = "auto",
    options: TrainingFlags = TrainingOptions(),
) -> None:
    """Train one cell on palindromes of one length; without flags, with the course's settings.

    The length T counts all digits: T - 1 are read and the T-th is predicted. The course skeleton's --input_length n
    reads n digits and predicts the next one, so it is --length n+1.
    """
    folder, device = options.folder("palindrome", recipe, config), select_device(options.device)
    load_cell(config.cell)  # refused before anything is printed
    if note := repetition_note(config.length, config.num_samples, config.train_fraction):
        print(note, file=sys.stderr)
    result = train_palindrome(config, folder, device, engine=engine, **options.keywords)
    curves = palindrome_figure(folder, {part_label(config.cell): folder})
    paths = {"folder": folder, "files": [curves, folder / "records.jsonl", folder / "weights.safetensors"]}
    record = {name: result[name] for name in ("cell", "length", "seed", "accuracy", "loss", "seconds", "engine")}
    rows = record | {"accuracy": f"{100 * result['accuracy']:.2f} % of the unseen palindromes"}
    print_result({**record, **paths}, options.json, title="Palindrome training", rows={**rows, **paths})


@app.command(name="analyze")
def analyze(
    *runs: Annotated[Path, Parameter(help="Run folders of palindrome train, or pretrained:NAME; at least one.")],
    trust_code: TrustCode = False,
    output: OutputFlags = OutputOptions(),
) -> None:
    """Draw the gates of trained cells, the gradient that reaches each step, and the accuracy beyond their training.

    Give an RNN and an LSTM of the same length to see that the gradient vanishes in one and not in the other. For more
    than 100 steps, the figures and analysis.json hold a selection of them, dense near both ends.
    """
    require("runs", list(map(str, runs)), len(runs) > 0, "must name at least one run folder")
    analyses = {run: analyze_run(run, trust_code=trust_code) for run in runs}
    labels = _labels(analyses)
    name = folder_name(*(run.resolve().name.removeprefix(PRETRAINED_PREFIX) for run in runs))
    folder = output.out or Path("runs") / "analyze" / name
    files = analysis_figure(folder, {labels[run]: analysis for run, analysis in analyses.items()})
    paths = {"folder": folder, "files": files}
    record = {
        "gradient_retention": [
            {
                "run": run,
                "untrained": gradient_retention(analysis.untrained),
                "trained": gradient_retention(analysis.trained),
            }
            for run, analysis in analyses.items()
        ],
        "recall": [{"run": run, **asdict(recall)} for run, analysis in analyses.items() for recall in analysis.recall],
    }
    rows = {
        labels[run]: f"{retention_text(analysis.untrained)} untrained, {retention_text(analysis.trained)} trained"
        for run, analysis in analyses.items()
    }
    rows |= {
        f"accuracy of {labels[run]}": ", ".join(f"T = {at.length:,}: {at.accuracy:.1%}" for at in analysis.recall)
        for run, analysis in analyses.items()
    }
    title = "Gradient norm at the first step over that at the last, and accuracy on palindromes of other lengths"
    print_result({**record, **paths}, output.json, title=title, rows={**rows, **paths})


def _labels(analyses: Mapping[Path, RunAnalysis]) -> dict[Path, str]:
    """Name of each run: cell and length, and where these are equal its folder or its whole path."""
    cells = {
        run: f"{part_label(analysis.config.cell)} T = {analysis.config.length:,}" for run, analysis in analyses.items()
    }
    folders = {run: f"{cell}, {run.name}" for run, cell in cells.items()}
    paths = {run: f"{cell}, {run}" for run, cell in cells.items()}
    return next(labels for labels in (cells, folders, paths) if len(set(labels.values())) == len(analyses))


@app.command(name="export")
def export(
    study: Annotated[Path, Parameter(help="Folder of palindrome study.")],
    /,
    *,
    cell: Annotated[CellName | str, Parameter(help="Cell of the network, as in the study.")] = "lstm",
    length: Annotated[int, Parameter(help="Length of the palindromes it was trained on.")] = 200,
    output: OutputFlags = OutputOptions(),
) -> None:
    """Write a studied network for others to load: weights of three stages, and its accuracy over seeds and lengths.

    The network is that of the study's first seed. The weights are in half precision, the stages are the start, the
    middle (trained again with half of the epochs) and the end; `palingen.load_network` reads each file.
    """
    name = part_label(PalindromeConfig(cell=cell).cell)
    folder = output.out or Path("runs") / "export" / f"{name}-T{length}"
    files = export_network(study, cell, length, folder, shlex.join(["palingen", *sys.argv[1:]]))
    print_result({"folder": folder, "files": files}, output.json, title="Export")
