"""`palingen demo`: the main job in minutes."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from palingen import demo as whole
from palingen.cli.terminal import Training, TrainingFlags
from palingen.runs import choose_device


def demo(*, where: TrainingFlags = Training()) -> None:
    """Train LSTM and RNN on short and long palindromes and a GAN on digits, and show what they found on one page.

    Takes a few minutes on two cores; stopped, it goes on where it was.

    Parameters
    ----------
    where:
        Where to write, by default runs/demo, and run.
    """
    result = whole.demo(where.out or Path("runs") / "demo", choose_device(where.device), force=where.force)
    if where.json:
        print(json.dumps(result, default=str))
        return
    table = Table(title="What it found", title_justify="left", title_style="bold")
    for column in ("experiment", "result", "s"):
        table.add_column(column)
    table.add_column("folder", no_wrap=True)
    for run in result["palindromes"]:
        right = f"{100 * run['accuracy']:.1f} % unseen right"
        table.add_row(f"{run['cell']}, T = {run['length']}", right, f"{run['seconds']:.0f}", str(run["folder"]))
    game, ends = result["gan"], result["interpolation"]
    told = f"told {100 * game['real_accuracy']:.0f} % real, {100 * game['fake_accuracy']:.0f} % fake"
    table.add_row(f"GAN, {game['epochs']} epochs", told, f"{game['seconds']:.0f}", str(game["folder"]))
    table.add_row("interpolation", f"from a {ends[0]} to a {ends[1]}", "", str(result["files"][-1].parent))
    console = Console()
    console.print(table)
    console.print("Look at", style="bold", end=" ")
    console.print(str(result["page"]), soft_wrap=True)
    for file in result["files"]:
        console.print(f"  {file}", soft_wrap=True)
