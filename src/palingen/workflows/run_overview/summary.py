"""Summary of a run folder or a study folder, whatever its condition: what it is, how far it is, what came out.

Reads without torch, and never raises for damage: what cannot be read is listed among the problems.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from palingen.runtime.errors import PalingenError
from palingen.runtime.kept_code import kept_files
from palingen.runtime.run_files import ADVICE

Value = TypeVar("Value")

State = Literal["finished", "unfinished", "damaged", "foreign"]

PICTURES = (".png", ".pdf", ".html")
"""Endings of files to be seen."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Summary of one folder."""

    folder: Path

    kind: str
    """`palindrome`, `gan`, `classifier`, `palindrome study`, `gan study` or `unknown`."""

    state: State
    """`foreign`: made by another program, or by a version that this one cannot read."""

    recipe: str | None = None
    """Recipe that the config belongs to or is closest to."""

    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the config that differ from the recipe."""

    done: float = 0
    """Finished epochs of a run, or runs of a study."""

    total: int | None = None
    """Epochs of a run, or runs of a study; None if unknown. A run may stop early."""

    result: Mapping[str, Any] = field(default_factory=dict)
    """Most important numbers: of the result if it is finished, else the latest."""

    config: Mapping[str, Any] = field(default_factory=dict)

    environment: Mapping[str, Any] = field(default_factory=dict)

    numbers: Mapping[str, Any] = field(default_factory=dict)
    """Last record of each kind, and scores; of a study, the results of its runs by their names."""

    modified: float = 0.0
    """Time of the last change, in seconds since 1970."""

    size: int = 0
    """Bytes of all files."""

    problems: tuple[str, ...] = ()
    """Reasons why the folder is damaged or foreign."""

    @property
    def is_study(self) -> bool:
        """Whether it is a study, whose progress counts runs."""
        return self.kind.endswith("study")

    @property
    def code(self) -> list[Path]:
        """Files of a user that the config names, as the run keeps them."""
        return sorted({*kept_files(self.config, self.folder)})

    @property
    def pictures(self) -> list[Path]:
        """Pictures and pages in the folder itself and one below, sorted."""
        paths = [*self.folder.glob("*.*"), *self.folder.glob("*/*.*")]
        return sorted(path for path in paths if path.suffix in PICTURES)


class ProblemCollector:
    """Reader of files that notes what is damaged instead of raising.

    Args:
        folder: folder of the files; it is left out of the messages.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.problems = folder, list[str]()

    def read(self, function: Callable[[], Value], default: Value) -> Value:
        """Value of `function`, or `default` if it finds damage."""
        try:
            return function()
        except PalingenError as error:
            self.add(str(error))
        except OSError as error:
            self.add(f"{error.filename or self.folder}: {error.strerror or error}")
        return default

    def add(self, problem: str) -> None:
        """Note a problem, in one line and without the folder's name and the advice for trainings."""
        text = " ".join(problem.removesuffix(f"; {ADVICE}").split())
        self.problems.append(text.replace(f"{self.folder}{os.sep}", ""))


def measure(folder: Path) -> tuple[int, float]:
    """Bytes of all files in a folder and below, and the time of their last change in seconds since 1970."""
    size, modified = 0, 0.0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.lstat(os.path.join(parent, name))  # noqa: PTH118 (thousands of files)
            except OSError:  # removed meanwhile
                continue
            size += status.st_size
            if not name.startswith("."):  # a lock changes when a command only reads
                modified = max(modified, status.st_mtime)
    return size, modified
