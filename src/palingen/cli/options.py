"""Options and output that the verbs share."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

from cyclopts import App, ArgumentCollection, CoercionError, CycloptsError, Parameter, Token
from rich.table import Table
from rich.text import Text

from palingen.cli.console import output_console, print_json
from palingen.runtime.config_io import config_hash
from palingen.runtime.number_text import number_text
from palingen.runtime.paths import file_name
from palingen.runtime.tracking.trackers import TrackerName
from palingen.runtime.validation import unknown_choice
from palingen.workflows.run_overview import PICTURES

Device = Annotated[str, Parameter(help="Device: cpu, cuda, mps, or auto for the best available.")]

Json = Annotated[
    bool, Parameter(help="Print the result as one JSON object, and nothing else on standard output.", negative="")
]

Force = Annotated[bool, Parameter(help="Delete what the folder holds and start anew.", negative="")]

TrustCode = Annotated[
    bool, Parameter(help="Execute the code that the run keeps: its author's own cell or architecture.", negative="")
]

FIELDS = Parameter(name="*", negative_none="no-")
"""A config's fields as flags; those that may be None can be switched off, as in `--no-penalty`."""

ENGINE = Parameter(help="Implementation of a training step, all equal up to rounding; auto is the fastest.")

FLATTENED = Parameter(name="*")
"""A dataclass's fields as flags."""

SEVERAL = Parameter(
    consume_multiple=True,
    negative_iterable=(),
    show_default=lambda values: " ".join(map(str, values)) if values else None,
)
"""A flag that takes several values, as in `--cells lstm rnn`."""


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """Where a verb writes, and how it prints its result."""

    out: Path | None = None
    """Folder to write to; by default one under runs/."""

    json: Json = False


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(OutputOptions):
    """Output and execution of a verb that trains."""

    device: Device = "auto"

    force: Force = False

    allow_engine_change: Annotated[bool, Parameter(negative="")] = False
    """Resume even if engine, threads, device or processes differ, which no longer resumes exactly."""

    trackers: Annotated[tuple[TrackerName, ...], SEVERAL, Parameter(name="--track")] = ()
    """Also log to trackers: each run in its folder, offline."""

    @property
    def keywords(self) -> dict[str, Any]:
        """Arguments of every training, by name."""
        names = ("force", "allow_engine_change", "trackers")
        return {name: getattr(self, name) for name in names}

    def folder(self, verb: str, recipe: str, config: Any) -> Path:
        """Run folder: `--out`, or one named after recipe and settings."""
        return self.out or Path("runs") / verb / f"{recipe}-{config_hash(config)}"


def folder_name(*names: object, **others: object) -> str:
    """Name of a result's folder: of what it is, and of all that is not the default, so that none replaces another.

    Args:
        names: names that are always there.
        others: values that are not the default by their name, in which None counts as the default.
    """
    chosen = (f"{name}{value}" for name, value in others.items() if value is not None)
    return file_name("-".join(map(str, [*names, *chosen])))  # a class may be called T-shirt/top


OutputFlags = Annotated[OutputOptions, FLATTENED]
TrainingFlags = Annotated[TrainingOptions, FLATTENED]


def refuse_fractions(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Refuse `1.5` for an integer, which cyclopts would round."""
    for argument in arguments:
        if int in _leaf_types(argument.hint) and float not in _leaf_types(argument.hint):
            for token in argument.tokens:
                if token.value.count("."):
                    raise CoercionError(argument=argument, token=token, target_type=int)


def recipe_flag(recipes: Mapping[str, Any]) -> Parameter:
    """Flag `--recipe` with the names of the recipes."""
    return Parameter(choices=tuple(recipes), help="Settings to start from.")


def recipe_values(
    recipes: Mapping[str, Any], default: str = "course"
) -> Callable[[App, tuple[str, ...], ArgumentCollection], None]:
    """Source of values for cyclopts: fields that the command line leaves open are taken from `--recipe`.

    Args:
        recipes: configs by name.
        default: recipe of a command line without `--recipe`.
    """

    def fill(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        refuse_fractions(app, commands, arguments)
        chosen = [argument.tokens[0].value for argument in arguments if argument.name == "--recipe" and argument.tokens]
        recipe = chosen[0] if chosen else default
        if recipe not in recipes:
            raise CycloptsError(msg=f"recipe: {unknown_choice(recipe, recipes)}")
        values = asdict(recipes[recipe])
        for argument in arguments:
            field = argument.name.removeprefix("--").replace("-", "_")
            if field in values and not argument.tokens:
                argument.append(_recipe_token(recipe, values[field]))

    return fill


def print_result(
    result: Mapping[str, Any], as_json: bool, *, title: str, rows: Mapping[str, Any] | None = None
) -> None:
    """Print the result of a verb: one JSON object with `--json`, else a table and then its files, the pictures last.

    Args:
        result: the JSON object.
        as_json: whether to print JSON.
        title: title of the table.
        rows: the table's rows by name; by default the result.
    """
    if as_json:
        print_json(result)
        return
    table = Table(title=title, show_header=False, title_justify="left", title_style="bold")
    visible = dict(result if rows is None else rows)
    files = visible.pop("files", ())
    for name, value in visible.items():
        table.add_row(name.replace("_", " "), Text(_format(value), overflow="fold"))
    console = output_console()
    if visible:
        console.print(table)
    for path in sorted(files, key=lambda path: path.suffix in PICTURES):
        console.print(Text(str(path)), soft_wrap=True)  # never broken, so that it can be opened and copied


def _recipe_token(recipe: str, value: Any) -> Token:
    source = f"recipe {recipe}"
    if value is None:
        return Token(keyword="--recipe", implicit_value=None, source=source)
    return Token(keyword="--recipe", value=str(value), source=source)


def _leaf_types(hint: Any) -> set[Any]:
    """Types that a hint is made of, as in `tuple[int, ...] | None`."""
    return set().union(*map(_leaf_types, get_args(hint))) if get_args(hint) else {hint}


def _format(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(value, digits=4)
    if isinstance(value, list | tuple):
        return ", ".join(map(_format, value))
    return str(value)
