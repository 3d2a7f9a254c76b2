"""Hand-in as one ZIP file: instructions, report, notebooks, code of all parts, weights and records."""

import re
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath

from palingen.runtime.atomic_io import write_atomically
from palingen.runtime.errors import PalingenError
from palingen.runtime.project import project_folder
from palingen.runtime.validation import require_field

INSTRUCTIONS_FILE = Path(__file__).with_name("handin.md")
"""Template of the README in the bundle."""

MAX_BYTES = 50 * 2**20
"""Maximum size of the ZIP file."""

CODE_FOLDER = "code"
"""Folder of the project in the bundle."""

REQUIRED_FILES = (
    "pyproject.toml",
    "README.md",
    "Makefile",
    "report/report.pdf",
    "assignment/part1.ipynb",
    "assignment/part2.ipynb",
)

CACHES = {"__pycache__", "node_modules"}

GENERATED = {"runs", "build", "dist"}
"""Folders of the project that hold what its commands have made."""

WEIGHT_SUFFIXES = {".safetensors", ".pt"}
"""Files of runs that stay out of the bundle: the report is made from records, and a GAN has 26 MB of weights."""

ASSIGNMENT = "assignment3"
"""Name of a bundle, after the student number."""

BINARY_SUFFIXES = {".pdf", ".png", ".npy", ".gz", ".safetensors"}
"""Files that are not searched for paths of this machine."""

TIMESTAMP = (1980, 1, 1, 0, 0, 0)
"""Time of every entry, the earliest that ZIP knows, so that equal contents give equal bytes."""


@dataclass(frozen=True, kw_only=True)
class Student:
    """Author of the hand-in."""

    number: str
    """Student number, 5 to 12 digits."""

    name: str | None = None
    """Name on the report and in the instructions; None prints the number alone."""

    def __post_init__(self) -> None:
        valid_number = re.fullmatch(r"[0-9]{5,12}", self.number) is not None
        require_field(self, "number", valid_number, "must be 5 to 12 digits")
        valid_name = self.name is None or (0 < len(self.name) <= 80 and self.name.isprintable())
        require_field(self, "name", valid_name, "must be 1 to 80 printable characters")

    @property
    def line(self) -> str:
        """Author line under a title."""
        return f"Student number {self.number}" if self.name is None else f"{self.name}, student number {self.number}"

    @property
    def folder(self) -> str:
        """Name of the bundle's only folder, and of its file without the suffix."""
        return f"{self.number}_{ASSIGNMENT}"


def write_bundle(
    student: Student, out_path: Path, report_bytes: bytes, project: Path | None = None
) -> list[tuple[str, int]]:
    """Write the bundle; equal contents give equal bytes.

    Args:
        student: author.
        out_path: ZIP file to write.
        report_bytes: `report.pdf` with the author line.
        project: folder of the project; found by default.

    Returns:
        Name and size in bytes of each file in the bundle, without its only folder.

    Raises:
        PalingenError: a required file is missing, a file names a folder of this machine, or the ZIP file is too large.
    """
    project = project or project_folder()
    missing = [name for name in REQUIRED_FILES if not (project / name).is_file()]
    if missing:
        raise PalingenError(f"project={str(project)!r}: {missing[0]} is missing. Run it from a complete checkout.")
    instructions = INSTRUCTIONS_FILE.read_text().format(student=student.line)
    contents = {"README.md": instructions.encode(), "report.pdf": report_bytes}
    contents |= {f"{CODE_FOLDER}/{name}": (project / name).read_bytes() for name in _project_files(project)}
    _require_portable(contents, [project, Path.home()])
    packed = _zip(student.folder, contents)
    if len(packed) > MAX_BYTES:
        raise PalingenError(
            f"out={str(out_path)!r}: would be {len(packed) / 2**20:.1f} MB, more than {MAX_BYTES // 2**20} MB. "
            "Remove large files from the project."
        )
    write_atomically(out_path, packed)
    return [(name, len(content)) for name, content in contents.items()]


def _zip(folder: str, contents: Mapping[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", TIMESTAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if name.endswith(".ci/run") else 0o644) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _project_files(project: Path) -> list[str]:
    """Files of the project: those git tracks, or all but caches if the project is not a checkout of its own."""
    names = _tracked_files(project)
    if names is None:
        environments = {path.parent for path in project.rglob("pyvenv.cfg")}
        paths = [path for path in project.rglob("*") if environments.isdisjoint(path.parents)]
        names = [path.relative_to(project).as_posix() for path in paths]
    return sorted(name for name in names if _is_own_file(PurePosixPath(name)) and (project / name).is_file())


def _tracked_files(project: Path) -> list[str] | None:
    git = ["git", "-C", str(project)]
    try:
        top = subprocess.run([*git, "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=True)
        if Path(top.stdout.strip()).resolve() != project.resolve():
            return None
        listing = subprocess.run([*git, "ls-files", "-z"], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return [name for name in listing.stdout.split("\0") if name]


def _is_own_file(path: PurePosixPath) -> bool:
    """Whether a file belongs to the project, and is not left by a cache, an environment or a run."""
    hidden = any(part.startswith(".") for part in path.parts) and path.parts[0] != ".ci" and path.name != ".gitignore"
    generated = path.parts[0] in GENERATED or path.name.endswith(f"{ASSIGNMENT}.zip")
    cached = not CACHES.isdisjoint(path.parts) or ".egg-info" in str(path)
    is_record = path.parts[:2] == ("report", "runs")
    return not (hidden or generated or cached or (is_record and path.suffix in WEIGHT_SUFFIXES))


def _require_portable(contents: Mapping[str, bytes], folders: Sequence[Path]) -> None:
    """Raise PalingenError if a text names a folder of this machine."""
    prefixes = [f"{folder}/".encode() for folder in folders if folder != Path("/")]
    for name, content in contents.items():
        if PurePosixPath(name).suffix in BINARY_SUFFIXES:
            continue
        for prefix in prefixes:
            if prefix in content:
                raise PalingenError(f"{name}: names a folder of this machine ({prefix.decode()}). Remove the path.")
