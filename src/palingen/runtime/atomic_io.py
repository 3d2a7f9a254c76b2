"""Atomic file writes: a crash leaves the old file or the new one, never half of one."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SUFFIX = ".tmp"
"""Ending of temporary files."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file beside `path`, flush it to disk, and rename it over `path`.

    Raises:
        OSError: the disk is full or the folder is not writable; `path` is unchanged.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=SUFFIX)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)  # mkstemp makes private files
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name `path` in every OSError, since "disk full" comes without a path."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def write_json(path: Path, value: Any, *, indent: int | None = 2) -> None:
    """Write `value` as JSON, atomically: indented, or on one line."""
    write_atomically(path, (json.dumps(value, indent=indent, ensure_ascii=False) + "\n").encode())


def remove_temporary_files(folder: Path) -> None:
    """Remove temporary files that killed processes left in `folder` and below."""
    for path in folder.rglob(f".*{SUFFIX}"):
        path.unlink(missing_ok=True)
