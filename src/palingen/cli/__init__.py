"""Verbs: flags to config to run. The only place that knows the command-line library.

The verbs' modules are imported when one of them is called, so that `palingen --help` needs no torch.
"""

import os
import sys

from cyclopts import App, CycloptsError

from palingen import __version__
from palingen.errors import Interrupted, PalingenError

app = App(
    name="palingen",
    help="Two small laboratories: recurrent cells that remember palindromes, and a GAN that draws digits.",
    version=__version__,
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # it would end without a word
)
app.command("palingen.cli.demo:demo", name="demo", help="Both laboratories in a few minutes, with pictures.")
app.command(
    "palingen.cli.palindrome:app",
    name="palindrome",
    help="Recurrent cells that predict a palindrome's last digit: train, study, inside.",
)
app.command(
    "palingen.cli.gan:app",
    name="gan",
    help="A GAN that draws digits: train, study, sample, interpolate, score, explore, export.",
)
app.command(
    "palingen.cli.report:report", name="report", help="The report, again from its records: PDF, HTML, pictures, tables."
)
app.command("palingen.cli.bundle:bundle", name="bundle", help="Everything to hand in, as one ZIP file.")
app.command(
    "palingen.cli.reproduce:reproduce", name="reproduce", help="The report from nothing, and how close it came."
)
app.command("palingen.cli.judge:app", name="judge", help="The classifier that says what a picture shows: train, floor.")


def main() -> None:
    """Run the command; bad input ends in one line on standard error and exit code 2, Ctrl-C in 130."""
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=False)
    except (CycloptsError, PalingenError) as error:
        _end(2, f"error: {error}")
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _end(2, f"error: {where}{error.strerror or error}")
    except Interrupted as stop:
        _end(130, f"{stop}; the same command again goes on from there")
    except KeyboardInterrupt:
        _end(130, "stopped at once; the same command again goes on from what was last saved")


def _end(code: int, words: str) -> None:
    follows = int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))) > 0
    if not follows:  # of several processes, the first speaks
        print(f"palingen: {' '.join(words.split())}", file=sys.stderr)
    sys.exit(code)
