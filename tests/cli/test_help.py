"""Help screens: fast, grouped, one plain line an option."""

import io
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from functools import cache

import pytest
from cyclopts import App
from rich.console import Console

from palingen.cli import app
from palingen.cli.help import GROUP_OF, GROUPS
from palingen.gan.config import GanConfig
from palingen.gan.evaluation.classifier_training import ClassifierConfig
from palingen.recurrence.config import PalindromeConfig

COMMAND = [sys.executable, "-m", "palingen", "--help"]


def find_verbs(group: App, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Names of every command that is not a group, from the outermost on."""
    for name in group:
        if name.startswith("-"):
            continue
        if group[name].default_command:
            yield (*prefix, name)
        else:
            yield from find_verbs(group[name], (*prefix, name))


VERBS = {" ".join(verb): verb for verb in find_verbs(app)}


@cache
def help_screen(verb: str, width: int = 120) -> list[str]:
    """Lines of a verb's help."""
    console = Console(file=io.StringIO(), width=width)
    app.help_print(VERBS[verb], console=console)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def shown_options(verb: str) -> list[str]:
    """Fields on a verb's help screen."""
    labels = [line.split()[0] for line in help_screen(verb) if line.startswith("  --")]
    return [label.replace("[no-]", "").removeprefix("--").replace("-", "_") for label in labels]


@pytest.mark.timing
def test_help_takes_at_most_a_quarter_of_a_second():
    seconds = []
    for _ in range(10):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "palindrome" in subprocess.run(COMMAND, capture_output=True, text=True, check=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Processor time: on a busy machine, waiting for a core is not the command's doing.
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) <= 0.25


def test_help_imports_no_torch_no_numpy_and_no_verb():
    script = """
import sys
from palingen.cli import app
app(["--help"], result_action="return_value")
slow = [name for name in sys.modules if name in ("torch", "numpy", "matplotlib", "joblib", "rich.markdown")]
print([*slow, *(name for name in sys.modules if name.startswith("palingen.cli.") and name != "palingen.cli.help")])
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


def test_every_verb_of_the_design_exists():
    labs = ["palindrome train", "palindrome study", "palindrome analyze", "palindrome export", "classifier train"]
    gan = [f"gan {verb}" for verb in ("train", "study", "sample", "interpolate", "score", "baselines", "export")]
    at_hand = ["runs", "show", "diff", "doctor"]
    assert sorted(VERBS) == sorted([*labs, *gan, *at_hand, "demo", "explore", "report", "reproduce", "bundle"])


@pytest.mark.parametrize("config", [PalindromeConfig, GanConfig, ClassifierConfig])
def test_every_config_field_has_a_group(config):
    assert [field.name for field in fields(config) if field.name not in GROUP_OF] == []


def test_every_option_of_every_verb_has_a_group_and_is_shown_once():
    of_some_verb = set()
    for verb, names in VERBS.items():
        command = app
        for name in names:
            command = command[name]
        flags = [argument.name for argument in command.assemble_argument_collection()]
        options = {name.removeprefix("--").replace("-", "_") for name in flags if name.startswith("--")}
        assert options <= set(GROUP_OF), verb
        shown = shown_options(verb)
        assert len(shown) == len(set(shown)), verb
        assert set(shown) <= options, verb
        of_some_verb |= set(shown)
    assert of_some_verb == set(GROUP_OF)


@pytest.mark.parametrize("verb", VERBS)
def test_an_option_takes_at_most_two_lines_of_120_columns(verb):
    lines_of_option = 0
    for line in help_screen(verb, 120):
        assert len(line) <= 120
        if line.startswith("  ") and not line.startswith("   "):
            names_every_part = verb == "reproduce" and line.startswith("  --only")
            lines_of_option = -10 if names_every_part else 1
        elif line.startswith("   "):
            lines_of_option += 1
        assert lines_of_option <= 2, line


@pytest.mark.parametrize("verb", VERBS)
def test_a_help_screen_fits_80_columns_and_shows_every_option_in_full(verb):
    narrow = help_screen(verb, 80)
    assert max(map(len, narrow)) <= 80
    assert [line.split()[0] for line in narrow if line.startswith("  --")] == [
        line.split()[0] for line in help_screen(verb, 120) if line.startswith("  --")
    ]


def test_groups_come_in_the_order_task_to_advanced():
    titles = [line for line in help_screen("gan train") if line in GROUPS]
    assert titles == ["Task", "Model", "Optimisation", "Recording", "Output", "Execution", "Advanced"]


def test_settings_without_a_measured_gain_are_advanced():
    settings = ("warmup_epochs", "warmup_fraction", "lr_schedule", "learn_initial_state", "chrono_init")
    assert {GROUP_OF[name] for name in settings} == {"Advanced"}


def test_the_help_of_a_study_shows_its_recipe_and_hides_what_it_sets_itself():
    lines = "\n".join(help_screen("palindrome study"))
    assert "--hidden-size INT                  Hidden units. [default: 64]" in lines
    assert not {"cell", "length", "seed"} & set(shown_options("palindrome study"))
    assert "seed" not in shown_options("gan study")


def test_help_names_flags_and_not_fields():
    text = "\n".join(help_screen("palindrome train"))
    assert "a factor every --lr-step-epochs epochs" in text
    assert not [name for name in GROUP_OF if "_" in name and name in text]


def test_the_help_of_a_verb_describes_it_in_full():
    assert "By default" not in help_screen("demo")[2]
    assert "runs/demo/index.html" in " ".join(help_screen("demo"))
    assert help_screen("palindrome train")[2].startswith("Train one cell on palindromes of one length")
