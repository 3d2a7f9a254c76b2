"""Check a source archive and a wheel, the last step of `make wheel`. Prints their sizes, and exits with 1 on a finding.

    python scripts/check_distribution.py [FOLDER]    by default dist

metadata  valid by the standard, with the version, the Python versions and the extras of `pyproject.toml`
wheel     every file of the package, the records of its report, no other file; the hashes of its list
archive   every file of the project that a checkout has, in one folder
"""

import base64
import csv
import hashlib
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from email.errors import MessageError
from pathlib import Path

from packaging.metadata import Metadata

ROOT = Path(__file__).parents[1]

RECORDS = "report/runs"
"""Folder of the records, in the project and in the package."""

MAX_MEGABYTES = {".whl": 40, ".gz": 60}
"""Largest size of each file. The weights and MNIST are 28 MB of it."""


def main() -> None:
    """Check the one wheel and the one source archive of a folder."""
    folder = Path(*sys.argv[1:2] or ["dist"])
    findings = []
    for pattern, check in (("*.whl", check_wheel), ("*.tar.gz", check_archive)):
        for path in sorted(folder.glob(pattern)) or [folder / pattern]:
            print(f"{path}: {path.stat().st_size / 1e6:.1f} MB" if path.exists() else f"{path}: missing")
            findings += [f"{path.name}: {finding}" for finding in check(path)] if path.exists() else ["missing"]
    print("\n".join(findings) or "distribution: metadata and contents checked")
    sys.exit(bool(findings))


def check_wheel(path: Path) -> Iterator[str]:
    """Findings in a wheel."""
    yield from _check_size(path)
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    information = f"{'-'.join(path.name.split('-')[:2])}.dist-info"
    yield from check_metadata(contents[f"{information}/METADATA"])
    yield from _compare(_package_files(), {name for name in contents if not name.startswith(f"{information}/")})
    for name, digest, _ in csv.reader(contents[f"{information}/RECORD"].decode().splitlines()):
        if digest and digest != _digest(contents[name]):
            yield f"{name}: its hash is not that of the list of files"


def check_archive(path: Path) -> Iterator[str]:
    """Findings in a source archive."""
    yield from _check_size(path)
    top = path.name.removesuffix(".tar.gz")
    with tarfile.open(path) as archive:
        names = {member.name for member in archive.getmembers() if member.isfile()}
        metadata = archive.extractfile(f"{top}/PKG-INFO")
        yield from check_metadata(metadata.read() if metadata else b"")
    yield from _compare({*_project_files(), "PKG-INFO"}, {name.removeprefix(f"{top}/") for name in names})


def check_metadata(text: bytes) -> Iterator[str]:
    """Findings in the metadata of a distribution."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    try:
        metadata = Metadata.from_email(text)
    except (ExceptionGroup, ValueError, MessageError) as error:
        yield f"invalid metadata: {'; '.join(map(str, getattr(error, 'exceptions', [error])))}"
        return
    expected = {
        "name": project["name"],
        "version": project["version"],
        "requires_python": project["requires-python"],
        "description": (ROOT / project["readme"]).read_text(),
        "description_content_type": "text/markdown",
        "provides_extra": sorted(project["optional-dependencies"]),
    }
    for field, value in expected.items():
        actual = getattr(metadata, field)
        same = actual == value or str(actual) == value
        if not same:
            yield f"{field}={str(actual)[:60]!r}: is not that of pyproject.toml"


def _package_files() -> set[str]:
    """Files that a wheel must contain, by their names in it."""
    source, records = ROOT / "src", ROOT / RECORDS
    package = {path.relative_to(source).as_posix() for path in (source / "palingen").rglob("*") if _is_kept(path)}
    return package | {f"palingen/{path.relative_to(ROOT).as_posix()}" for path in records.rglob("*") if _is_kept(path)}


def _is_kept(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _project_files() -> list[str]:
    """Files that git tracks; in an unpacked archive, all but caches and what was built there."""
    if not (ROOT / ".git").exists():
        names = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if _is_kept(path)]
        return [name for name in names if not name.startswith((".venv/", "dist/", "runs/", ".")) or name[:3] == ".gi"]
    listing = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "-co", "--exclude-standard"], capture_output=True, text=True, check=True
    ).stdout
    return [name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def _check_size(path: Path) -> Iterator[str]:
    limit = MAX_MEGABYTES[path.suffix]
    if path.stat().st_size > limit * 1e6:
        yield f"larger than {limit} MB"


def _compare(expected: Iterable[str], names: set[str]) -> Iterator[str]:
    yield from (f"{name}: missing" for name in sorted({*expected} - names))
    yield from (f"{name}: does not belong there" for name in sorted(names - {*expected}))


def _digest(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={digest}"


if __name__ == "__main__":
    main()
