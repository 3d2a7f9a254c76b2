"""One ZIP file to hand in: report, notebooks, the code of all parts, weights and records, instructions first."""

import re
import subprocess
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from pathlib import Path, PurePosixPath

from palingen.config import check_value
from palingen.errors import PalingenError
from palingen.files import write_atomically

PROJECT = Path(__file__).resolve().parents[2]
"""The project's folder, if the package is used from there."""

INSTRUCTIONS = Path(str(files("palingen"))) / "report" / "handin.md"

LARGEST = 50 * 2**20
"""Bytes that a hand-in may have."""

CODE = "code"
"""Folder of the whole project in the bundle."""

NEEDED = (
    "pyproject.toml",
    "README.md",
    "Makefile",
    "report/report.pdf",
    "assignment/part1.ipynb",
    "assignment/part2.ipynb",
)

CACHES = {"__pycache__", "node_modules"}


@dataclass(frozen=True, kw_only=True)
class Student:
    """Who hands in."""

    number: str
    name: str = ""

    def __post_init__(self) -> None:
        check_value(
            "student-number", self.number, re.fullmatch(r"[0-9]{5,12}", self.number) is not None, "5 to 12 digits"
        )
        printable = self.name.isprintable() and len(self.name) <= 80
        check_value("name", self.name, printable, "a name of at most 80 letters")

    @property
    def line(self) -> str:
        """What stands under a title."""
        return f"{self.name}, student number {self.number}" if self.name else f"Student number {self.number}"

    @property
    def folder(self) -> str:
        """The bundle's only folder, and its file's name without the ending."""
        return f"{self.number}_assignment3"


def bundle(student: Student, out: Path, report: bytes, project: Path = PROJECT) -> list[tuple[str, int]]:
    """Write the bundle to `out`, equal bytes for equal contents; what went in, with its size.

    Args:
        student: who hands in.
        out: the ZIP file.
        report: `report.pdf` with the student's name on it.
        project: the project's folder.

    Raises:
        PalingenError: a part is missing, a file names this machine's folders, or the whole is larger than 50 MB.
    """
    missing = [name for name in NEEDED if not (project / name).is_file()]
    if missing:
        raise PalingenError(f"{project}: a bundle needs the project's folder, and here is no {missing[0]}")
    contents = {"README.md": INSTRUCTIONS.read_text().format(who=student.line).encode(), "report.pdf": report}
    contents |= {f"{CODE}/{name}": (project / name).read_bytes() for name in _project_files(project)}
    _check_portable(contents, [str(project), str(Path.home())])
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(f"{student.folder}/{name}", (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if name.endswith(".ci/run") else 0o644) << 16
            archive.writestr(entry, content)
    size = len(packed.getvalue())
    if size > LARGEST:
        raise PalingenError(f"{out}: would have {size / 2**20:.1f} MB, more than {LARGEST // 2**20}")
    write_atomically(out, packed.getvalue())
    return [(name, len(content)) for name, content in contents.items()]


def _project_files(project: Path) -> list[str]:
    """What the project is made of: what git knows, or all but caches where there is no git."""
    ask = ["git", "-C", str(project), "ls-files", "-z"]
    try:
        known = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=30).stdout.split("\0")
        top = subprocess.run([*ask[:3], "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=True)
        names: Iterable[str] = known if Path(top.stdout.strip()).resolve() == project.resolve() else _walk(project)
    except (OSError, subprocess.SubprocessError):
        names = _walk(project)
    return sorted(name for name in names if name and _belongs(PurePosixPath(name)) and (project / name).is_file())


def _belongs(path: PurePosixPath) -> bool:
    """Whether a file is the project's own, not what caches, environments and runs have left."""
    hidden = any(part.startswith(".") for part in path.parts) and path.parts[0] != ".ci" and path.name != ".gitignore"
    left = path.parts[0] == "runs" or not CACHES.isdisjoint(path.parts) or ".egg-info" in str(path)
    return not (hidden or left)


def _walk(project: Path) -> list[str]:
    return [path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()]


def _check_portable(contents: dict[str, bytes], places: list[str]) -> None:
    """See that no text names a folder of this machine."""
    for name, content in contents.items():
        if PurePosixPath(name).suffix in (".pdf", ".png", ".npy", ".gz", ".safetensors"):
            continue
        for place in places:
            if len(place) > 1 and f"{place}/".encode() in content:
                raise PalingenError(f"{name}: names a folder of this machine ({place})")
