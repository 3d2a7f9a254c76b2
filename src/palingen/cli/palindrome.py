"""`palingen palindrome`: recurrent cells and how long they remember."""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from palingen import pictures, recipes
from palingen.cli.terminal import Training, TrainingFlags, recipe_values, say
from palingen.recurrence import train as recurrence
from palingen.recurrence.train import PalindromeRun
from palingen.runs import choose_device

app = App(name="palindrome", help="Recurrent cells that predict a palindrome's last digit from the digits before it.")


@app.command(name="train", config=recipe_values(recipes.PALINDROME))
def train(
    *,
    recipe: str = "course",
    config: Annotated[PalindromeRun, Parameter(name="*")] = recipes.PALINDROME["course"],
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
    where:
        Where to write and run.
    """
    folder = where.folder("palindrome", recipe, config)
    device = choose_device(where.device)
    if note := recurrence.data(config).note:
        print(note, file=sys.stderr)
    result = recurrence.train(config, folder, device, force=where.force)
    curves = pictures.of_palindromes(folder, {config.cell: folder})
    files = [curves, folder / "records.jsonl", folder / "weights.safetensors"]
    shown = {name: result[name] for name in ("cell", "length", "seed", "accuracy", "loss", "seconds")}
    say({**shown, "folder": folder, "files": files}, where, title="Palindromes")
