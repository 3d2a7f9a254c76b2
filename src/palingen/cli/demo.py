"""`palingen demo`: both laboratories in a few minutes."""

from pathlib import Path
from typing import Any

from rich.table import Table

from palingen.cli.console import output_console
from palingen.cli.options import TrainingFlags, TrainingOptions, print_result
from palingen.runtime.numerics import select_device
from palingen.workflows.demo import demo as run_demo


def demo(*, options: TrainingFlags = TrainingOptions()) -> None:
    """Train LSTM and RNN on short and long palindromes and a GAN on digits, and show the results on one page."""
    folder, device = options.out or Path("runs") / "demo", select_device(options.device)
    result = run_demo(folder, device, **options.keywords)
    if not options.json:
        _print_table(result)
    rows = {"page": result["page"], "files": result["files"]}
    print_result(result, options.json, title="Open the page in a browser", rows=rows)


def _print_table(result: dict[str, Any]) -> None:
    table = Table(title="Accuracy on unseen palindromes, and of the discriminator", title_justify="left")
    for column in ("experiment", "result", "s"):
        table.add_column(column, no_wrap=True)
    table.add_column("folder", overflow="fold")
    for run in result["palindromes"]:
        accuracy = f"{100 * run['accuracy']:.1f} %"
        table.add_row(f"{run['cell']}, T = {run['length']:,}", accuracy, f"{run['seconds']:.0f}", str(run["folder"]))
    gan, classes = result["gan"], result["interpolation"]
    accuracy = f"real {100 * gan['real_accuracy']:.0f} %, fake {100 * gan['fake_accuracy']:.0f} %"
    table.add_row(f"GAN, {gan['epochs']} epochs", accuracy, f"{gan['seconds']:.0f}", str(gan["folder"]))
    table.add_row("interpolation", f"{classes[0]} to {classes[1]}", "", str(result["files"][-1].parent))
    output_console().print(table)
