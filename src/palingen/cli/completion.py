"""`palingen --install-completion`: completion of verbs, flags and their values by the shell."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.completion.detect import ShellDetectionError, detect_shell

from palingen.cli.options import Json, print_result
from palingen.runtime.errors import PalingenError

Shell = Literal["bash", "zsh", "fish", "powershell"]


def install_completion(
    *,
    shell: Annotated[Shell | None, Parameter(help="Shell; by default the one that runs this command.")] = None,
    out: Annotated[
        Path | None, Parameter(help="File to write, instead of the shell's own place; its startup file stays as it is.")
    ] = None,
    json: Json = False,
) -> None:
    """Install completion for a shell: its script, and a line in ~/.bashrc or ~/.zshrc that loads it.

    Completing needs no Python, since the script holds all verbs, flags and choices; install it again after an update.
    """
    from palingen.cli import app

    try:
        shell = shell or detect_shell()
    except ShellDetectionError:
        raise PalingenError("the shell cannot be detected; name it with --shell") from None
    path = app.install_completion(shell=shell, output=out, add_to_startup=out is None)
    print_result({"shell": shell, "file": path}, json, title="Completion, from the next start of the shell on")
