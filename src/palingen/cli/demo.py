"""`palingen demo`: both laboratories in a few minutes."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from palingen.cli.options import Device, Force, OutputFlags, OutputOptions, print_result
from palingen.runtime.numerics import select_device
from palingen.workflows.demo import demo as run_demo


def demo(*, device: Device = "auto", force: Force = False, output: OutputFlags = OutputOptions()) -> None:
    """Train LSTM and RNN on short and long palindromes and a GAN on digits, and show the results on one page."""
    result = run_demo(output.out or Path("runs") / "demo", select_device(device), force=force)
    if not output.json:
        _print_table(result)
    rows = {"page": result["page"], "files": result["files"]}
    print_result(result, output.json, title="Open the page in a browser", rows=rows)


def _print_table(result: dict[str, Any]) -> None:
    table = Table(title="Results", title_justify="left", title_style="bold")
    for column in ("experiment", "result", "s"):
        table.add_column(column)
    table.add_column("folder", no_wrap=True)
    for run in result["palindromes"]:
        accuracy = f"{100 * run['accuracy']:.1f} % of unseen palindromes"
        table.add_row(f"{run['cell']}, T = {run['length']}", accuracy, f"{run['seconds']:.0f}", str(run["folder"]))
    gan, classes = result["gan"], result["interpolation"]
    accuracy = f"discriminator: {100 * gan['real_accuracy']:.0f} % of real, {100 * gan['fake_accuracy']:.0f} % of fake"
    table.add_row(f"GAN, {gan['epochs']} epochs", accuracy, f"{gan['seconds']:.0f}", str(gan["folder"]))
    table.add_row("interpolation", f"from a {classes[0]} to a {classes[1]}", "", str(result["files"][-1].parent))
    Console().print(table)
