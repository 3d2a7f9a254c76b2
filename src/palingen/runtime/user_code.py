"""Code of a user in a config: a cell, a loss, a penalty or an architecture from a Python file. Executes nothing.

    FILE.py:NAME           as typed; the file is read when the config is made
    FILE.py:NAME@SHA256    as a config holds it: the file's name, an object's name in it, and the file's hash

Configs are thus equal if the code is, wherever the file lies. A run folder keeps the file as `code/HASH/FILE.py`. A
config that is read from a run has no text of it, so that nothing can be executed, until `kept_code` adds it.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from palingen.runtime.errors import ConfigError, DataError, RunError

FOLDER = "code"
"""Folder of a run's code."""

MAX_BYTES = 2**20
"""Largest file that is read."""

FILE = re.compile(r".*\.py(:[^:/\\@]*)?")
"""A file, and an object in it, as typed."""

REFERENCE = re.compile(r"(?P<file>[^/\\:@\x00-\x1f\x7f]{1,100}\.py):(?P<name>[^\W\d]\w{0,99})@(?P<sha256>[0-9a-f]{64})")
"""A reference as a config holds it; the name of the file has no folder, so that it leads nowhere else."""


class CodeReference(str):
    """Object in a Python file of a user, as `FILE.py:NAME@SHA256`, with the file's text where it may be executed."""

    text: str | None
    """Text of the file; None in a config that was read from a run."""

    path: Path
    """Place of the file, for messages."""

    def __new__(cls, value: str, text: str | None = None, path: Path | None = None) -> "CodeReference":
        """Make a reference of a text that `REFERENCE` matches."""
        reference = super().__new__(cls, value)
        reference.text, reference.path = text, path or Path(reference.file)
        return reference

    @property
    def file(self) -> str:
        """Name of the file."""
        return self._group("file")

    @property
    def name(self) -> str:
        """Name of the object."""
        return self._group("name")

    @property
    def sha256(self) -> str:
        """Hash of the file."""
        return self._group("sha256")

    @property
    def source(self) -> str:
        """File and object as they are typed, without the hash."""
        return f"{self.path}:{self.name}"

    def kept_path(self, folder: Path) -> Path:
        """Place of the file's copy in a run folder."""
        return folder / FOLDER / self.sha256[:16] / self.file

    def __repr__(self) -> str:
        return repr(shorten_hash(self))

    def _group(self, name: str) -> str:
        match = REFERENCE.fullmatch(self)
        assert match, str(self)
        return match[name]


def part_label(value: str) -> str:
    """Name of a part in tables, figures and folders: a built-in one's own, a user's with the beginning of its hash."""
    match = REFERENCE.fullmatch(value)
    return f"{match['name']}@{match['sha256'][:8]}" if match else value


def shorten_hash(text: str) -> str:
    """Text with the first eight digits of a reference's hash."""
    return text[:-56] if REFERENCE.fullmatch(text) else str(text)


def code_fields(kind: type) -> tuple[str, ...]:
    """Fields of a class of configs that hold a built-in name or a reference: those annotated with choices and `str`."""
    hints = {name: get_args(hint) for name, hint in get_type_hints(kind).items()}
    return tuple(
        name
        for name, options in hints.items()
        if str in options and any(get_origin(option) is Literal for option in options)
    )


def find_references(config: Any) -> dict[str, CodeReference]:
    """References of a config by field."""
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    return {name: value for name, value in values.items() if isinstance(value, CodeReference)}


def is_unread(value: object) -> bool:
    """Whether a value names a file that has not been read, as in `FILE.py:NAME`."""
    return isinstance(value, str) and not isinstance(value, CodeReference) and FILE.fullmatch(value) is not None


def read_code(config: Any) -> None:
    """Replace the files that a config names by references, for its `__post_init__`.

    Raises:
        ConfigError: a file is missing or is no text, or no object of it is named.
    """
    for name in code_fields(type(config)):
        value = getattr(config, name)
        if is_unread(value):
            object.__setattr__(config, name, _read_file(value, name))
        elif isinstance(value, str) and not isinstance(value, CodeReference) and REFERENCE.fullmatch(value):
            object.__setattr__(config, name, CodeReference(value))


def require_hashes(values: Mapping[str, Any], kind: type, source: Path) -> None:
    """Check that the config of a run names no file of this machine, which reading it would otherwise open.

    Raises:
        RunError: it names one.
    """
    for name in code_fields(kind):
        if is_unread(values.get(name)):
            raise RunError(f"{source}: {name}={values[name]!r:.80}: names code without its hash")


def hash_text(text: str) -> str:
    """SHA-256 of a file, from its text."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_text(path: Path) -> str:
    """Text of a file of code.

    Raises:
        DataError: there is none, it is too large, or it is no text; the message does not name it.
    """
    try:
        if not path.is_file():
            raise DataError("no such file")
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"has more than {MAX_BYTES // 2**20} MB")
        return path.read_bytes().decode()  # with the line ends that the file has
    except ValueError as error:  # also for a path that no file can have
        raise DataError("is not a file of UTF-8 text") from error
    except OSError as error:
        raise DataError(error.strerror or str(error)) from error


def _read_file(value: str, field: str) -> CodeReference:
    """Reference to an object of a file, with the file's text."""
    typed, _, name = (value, "", "") if value.endswith(".py") else value.rpartition(":")
    path = Path(typed)
    try:
        text = read_text(path)
        if not name:
            raise DataError("names nothing in the file; write FILE.py:NAME")
        reference = f"{path.name}:{name}@{hash_text(text)}"
        if not REFERENCE.fullmatch(reference):
            raise DataError("must be FILE.py:NAME, with the name of an object in the file")
    except DataError as error:
        raise ConfigError(f"{field}={value!r:.200}: {error}") from error
    return CodeReference(reference, text, path)
