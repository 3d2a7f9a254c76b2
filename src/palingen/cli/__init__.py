"""Command line: flags to config to run. The only package that imports cyclopts and names `--flags` in messages.

Each verb's module is imported when the verb is called, so `palingen --help` does not import torch.
"""

import os
import re
import shlex
import sys
from importlib import import_module
from inspect import cleandoc

from cyclopts import App, CycloptsError

from palingen.cli.help import HelpFormatter
from palingen.runtime.command import running_command
from palingen.runtime.errors import Interrupted, PalingenError


def _refuse_fractions(*parsed: object) -> None:
    """Refuse fractions for integers; imported when something is parsed, as `--help` needs little."""
    from palingen.cli.options import refuse_fractions

    refuse_fractions(*parsed)  # type: ignore[arg-type]


app = App(
    name="palingen",
    help="Two small laboratories: recurrent cells that remember palindromes, and a GAN that generates digits.",
    version=lambda: import_module("palingen.cli.version").version_text(),
    version_format="plaintext",
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # cyclopts would exit without a message
    help_format="plaintext",  # Markdown would import a parser and a highlighter, 0.15 s
    help_formatter=HelpFormatter(),
    config=_refuse_fractions,
)

VERBS = {
    "demo:demo": """Run both laboratories in a few minutes, with figures.

        Trains RNN and LSTM on short and long palindromes and a GAN on digits, and shows the results on one page, by
        default runs/demo/index.html. The same command resumes it.""",
    "palindrome:app": "Recurrent cells that predict a palindrome's last digit: train, study, analyze, export.",
    "gan:app": "A GAN that generates digits: train, study, sample, interpolate, score, baselines, export.",
    "classifier:app": "The digit classifier from which all scores are computed: train.",
    "runs:runs": """List runs and studies: settings, progress, result, age and size.

        Runs that are unfinished or damaged, and folders of other programs, are listed as such.""",
    "runs:show": "Show one run or study: settings, environment, latest numbers, pictures.",
    "runs:diff": "Show the settings and results in which two runs or studies differ.",
    "doctor:doctor": "Check the installation: torch, compiler, processor, devices, engines, extras.",
    "explore:explore": """Explore both laboratories on one interactive page.

        Recurrent networks that read palindromes, and generators of digits. Writes one HTML file, by default
        runs/explore/explorer.html, which needs no server, no network and no installation, and opens it.""",
    "report:report": """Build the report from its records: PDF, HTML, figures, tables.

        Writes report.pdf, report.html, the figures and the tables that the README shows.""",
    "reproduce:reproduce": """Repeat every run of the report, and compare.

        The runs are those of the records under report/runs, which stay untouched. The report is built from the new
        records, by default in runs/reproduce. Takes hours, estimated at the start; the same command resumes it.""",
    "bundle:bundle": """Pack everything to hand in as one ZIP file.

        NUMBER_assignment3.zip holds instructions, report, notebooks, code, weights, records and explorer. The report
        in it carries the student's number and name.""",
}
"""Help of each verb or group of verbs by module and object; the module is imported when a verb is called."""

FLAG = re.compile(r"\b([a-z_]+)=True\b")
"""Advice in a library message to set an argument."""

for target, description in VERBS.items():
    module, _, function = target.partition(":")
    app.command(f"palingen.cli.{target}", name=module if function == "app" else function, help=cleandoc(description))
app.command(
    "palingen.cli.completion:install_completion",
    name="--install-completion",
    help="Install completion for bash, zsh, fish or PowerShell.",
)


def main() -> None:
    """Run the command; bad input ends in one line on standard error and exit code 2, Ctrl-C in 130."""
    try:
        with running_command(shlex.join(["palingen", *sys.argv[1:]])):
            app(sys.argv[1:], exit_on_error=False, print_error=False)
    except (CycloptsError, PalingenError) as error:
        _exit(2, f"error: {FLAG.sub(_as_flag, str(error))}")
    except BrokenPipeError:  # the reader of our output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except ImportError as error:
        _exit(2, f"error: {_missing_package(error)}")
    except OSError as error:
        path = f"{error.filename}: " if error.filename else ""
        _exit(2, f"error: {path}{error.strerror or error}")
    except Interrupted as interrupt:
        code = 130 if _is_main_process() else 0  # Fabric kills the main one if another ends with a code
        _exit(code, f"{interrupt}; the same command resumes it")
    except KeyboardInterrupt:
        _exit(130, "stopped at once; a training resumes from its last checkpoint with the same command")
    except Exception as error:
        if not (line := import_module("palingen.runtime.user_module").error_line(error)):
            raise
        _exit(2, f"error: {line}")


def _missing_package(error: ImportError) -> str:
    """Message about a package that is not installed. Raises any other error."""
    cause = error.__cause__ or error  # the command-line library reports that it cannot import our module
    name = cause.name if isinstance(cause, ModuleNotFoundError) else None
    if name is None or name.startswith("palingen"):
        raise error
    return f"the package {name!r} is not installed. palingen doctor lists what is missing, and what to do."


def _as_flag(argument: re.Match[str]) -> str:
    return f"--{argument[1].replace('_', '-')}"


def _is_main_process() -> bool:
    return int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))) == 0


def _exit(code: int, message: str) -> None:
    if _is_main_process():  # of several processes, only the main one prints
        print(f"palingen: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
