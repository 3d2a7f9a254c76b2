"""Help screens: options in groups, one line each.

The library's configs know nothing of the command line, so the grouping of their fields is here.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

GROUPS = {
    "Task": "recipe data cells lengths losses seeds length num_samples train_fraction input_encoding online_data "
    "count classes steps snapshot max_latent_norm repeats reference recompute format records only compare earlier "
    "quick student_number name seed",
    "Model": "cell hidden_size forget_bias_init orthogonal_init architecture generator_output output_gain latent_dim "
    "conditional half_precision",
    "Optimisation": "loss penalty penalty_weight epochs batch_size shift rotation zoom optimizer learning_rate beta1 "
    "beta2 max_grad_norm lr_step_epochs lr_step_factor ema_half_life frechet_steps precision curriculum_threshold "
    "early_stop_accuracy",
    "Recording": "log_interval save_interval monitor_samples keep track",
    "Output": "out force columns open serve json",
    "Execution": "device engine allow_engine_change trust_code devices nodes jobs backend scheduler_address",
    # Settings without a measured gain, and those that only an expert changes.
    "Advanced": "chrono_init learn_initial_state lr_schedule warmup_epochs lr_length_exponent curriculum_start "
    "curriculum_growth rmsprop_alpha adam_beta2 penalty_weight_final_ratio lr_final_ratio warmup_fraction beta2_final "
    "schedule frechet_learning_rate discriminator_loss_weight batchnorm_eps",
}
"""Options of each group in the order of the help screens, by field name."""

GROUP_OF = {name: group for group, names in GROUPS.items() for name in names.split()}
"""Group of each option."""

MAX_LABEL_WIDTH = 34
"""Columns of the longest option with its value."""

SENTENCE_END = re.compile(r"(?<=\.)\s+(?=[A-Z])")

FIELD_NAME = re.compile(r"\b[a-z0-9]+(_[a-z0-9]+)+\b")


class Row(NamedTuple):
    """One option or command of a help screen."""

    label: str
    description: str
    details: str = ""
    """Choices and default value."""


class HelpFormatter:
    """Formatter of help screens, as cyclopts calls it.

    Args:
        defaults: default values by field name, where they are not those of the config's class.
        hidden: fields that the verb sets itself.
    """

    def __init__(self, defaults: Mapping[str, Any] | None = None, hidden: tuple[str, ...] = ()) -> None:
        self.defaults, self.hidden = dict(defaults or {}), hidden

    def render_usage(self, console: "Console", options: "ConsoleOptions", usage: Any) -> None:
        """Print the usage line."""
        console.print(f"Usage: {str(usage).strip()}\n", markup=False, highlight=False)

    def render_description(self, console: "Console", options: "ConsoleOptions", description: Any) -> None:
        """Print the verb's description, each paragraph wrapped to the terminal."""
        for paragraph in _plain(description).split("\n\n"):
            console.print(" ".join(paragraph.split()), markup=False, highlight=False)
            console.print()

    def __call__(self, console: "Console", options: "ConsoleOptions", panel: "HelpPanel") -> None:
        """Print the commands, or the options group by group."""
        if not panel.entries:
            return
        if panel.format == "command":
            rows = [Row(", ".join(entry.all_options), _plain(entry.description)) for entry in panel.entries]
            _print_section(console, str(panel.title), rows, max(len(row.label) for row in rows))
            return
        sections = self.sections(panel)
        widest = max(len(row.label) for rows in sections.values() for row in rows)
        for title, rows in sections.items():
            _print_section(console, title, rows, min(widest, MAX_LABEL_WIDTH, console.width * 36 // 100))

    def sections(self, panel: "HelpPanel", *, complete: bool = False) -> dict[str, list[Row]]:
        """Options by group, positional arguments first; each with its first sentence, or its complete description."""
        entries = {_field(entry): entry for entry in panel.entries}
        arguments = [self._row(entry, complete) for name, entry in entries.items() if name not in GROUP_OF]
        sections = {str(panel.title): arguments}
        for group, names in GROUPS.items():
            visible = [name for name in names.split() if name in entries and name not in self.hidden]
            sections[group] = [self._row(entries[name], complete) for name in visible]
        return {title: rows for title, rows in sections.items() if rows}

    def _row(self, entry: "HelpEntry", complete: bool) -> Row:
        description = " ".join(_plain(entry.description).split()).replace("`", "")
        if not complete:
            description = SENTENCE_END.split(description)[0]
        return Row(_label(entry), FIELD_NAME.sub(_flag, description), " ".join(self._details(entry)))

    def _details(self, entry: "HelpEntry") -> Iterator[str]:
        """Choices and default value."""
        field = _field(entry)
        default = str(self.defaults[field]) if field in self.defaults else entry.default
        default = {"True": "on", "False": None, "None": None}.get(str(default), default)
        if entry.choices:
            yield f"[{', '.join(f'{name} (default)' if name == default else name for name in entry.choices)}]"
        if default is not None and default not in (entry.choices or ()):
            yield f"[default: {default}]"
        if entry.required:
            yield "[required]"


def _field(entry: "HelpEntry") -> str:
    """Field name of an option, or the label of a positional argument."""
    name = entry.positive_names[0] if entry.positive_names else entry.positional_label or ""
    return name.removeprefix("--").replace("-", "_")


def _flag(name: re.Match[str]) -> str:
    return f"--{name[0].replace('_', '-')}" if name[0] in GROUP_OF else name[0]


def _label(entry: "HelpEntry") -> str:
    """Option as it is typed: `--[no-]name VALUE` where it can be switched off."""
    if not entry.positive_names:
        return entry.positional_label or ""
    name = entry.positive_names[0].removeprefix("--")
    prefix = "--[no-]" if f"--no-{name}" in entry.negative_names else "--"
    return f"{prefix}{name} {entry.metavar or ''}".strip()


def _plain(description: Any) -> str:
    """Text of a description that cyclopts has wrapped for rich."""
    return str(getattr(getattr(description, "primary_renderable", None), "plain", ""))


def _print_section(console: "Console", title: str, rows: list[Row], label_width: int) -> None:
    from rich.table import Table  # not before a help screen is printed
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 0, 0, 2), pad_edge=True)
    table.add_column(style="cyan", width=label_width)
    table.add_column()
    for row in rows:
        table.add_row(Text(row.label), Text.assemble(row.description, " " if row.details else "", (row.details, "dim")))
    console.print(Text(title, style="bold"))
    console.print(table)
    console.print()
