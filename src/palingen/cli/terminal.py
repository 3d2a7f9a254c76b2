"""What all verbs share: where to write, how to take a recipe, how to say what was made."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, ArgumentCollection, CycloptsError, Parameter, Token
from rich.console import Console
from rich.table import Table

from palingen.config import unknown
from palingen.runs import config_hash


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where a verb works and how it speaks."""

    out: Path | None = None
    """Folder to write to; by default one under runs/ that the settings name."""

    json: Annotated[bool, Parameter(negative="")] = False
    """Print the result as one JSON object on standard output and nothing else there."""


@dataclass(frozen=True, kw_only=True)
class Training(Where):
    """The same, for a verb that trains."""

    device: str = "auto"
    """`cpu`, `cuda`, `mps`, or `auto` for the best there is."""

    force: Annotated[bool, Parameter(negative="")] = False
    """Forget what the folder holds and start anew."""

    def folder(self, verb: str, recipe: str, config: Any) -> Path:
        """The run folder: `--out`, or the one that recipe and settings name."""
        return self.out or Path("runs") / verb / f"{recipe}-{config_hash(config)}"


WhereFlags = Annotated[Where, Parameter(name="*")]
TrainingFlags = Annotated[Training, Parameter(name="*")]


def recipe_values(
    recipes: Mapping[str, Any], default: str = "course"
) -> Callable[[App, tuple[str, ...], ArgumentCollection], None]:
    """A source of values for cyclopts: what the command line leaves open is taken from `--recipe`."""

    def fill(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        named = [argument for argument in arguments if argument.name == "--recipe" and argument.tokens]
        recipe = named[0].tokens[0].value if named else default
        if recipe not in recipes:
            raise CycloptsError(msg=f"recipe: {unknown(recipe, recipes)}")
        values = asdict(recipes[recipe])
        for argument in arguments:
            field = argument.name.removeprefix("--").replace("-", "_")
            if field in values and not argument.tokens:
                argument.append(Token(keyword="--recipe", value=str(values[field]), source=f"recipe {recipe}"))

    return fill


def say(result: Mapping[str, Any], where: Where, *, title: str) -> None:
    """Print what a verb found and made: a table, or one JSON object with `--json`."""
    if where.json:
        print(json.dumps(result, default=str))
        return
    table = Table(title=title, show_header=False, title_justify="left", title_style="bold")
    for name, value in result.items():
        table.add_row(name.replace("_", " "), _words(value))
    Console().print(table)


def _words(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ("\n" if any(isinstance(part, Path) for part in value) else ", ").join(_words(part) for part in value)
    return str(value)
