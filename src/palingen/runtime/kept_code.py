"""Code that a run folder keeps: the files that its config names, as `code/HASH/FILE.py`. Executes nothing."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from palingen.runtime.atomic_io import write_atomically
from palingen.runtime.errors import DataError, RunError
from palingen.runtime.user_code import REFERENCE, CodeReference, find_references, hash_text, read_text

Config = TypeVar("Config")


def keep_code(config: Any, folder: Path) -> None:
    """Write the files of a config's references to a run folder, atomically."""
    for reference in find_references(config).values():
        if reference.text is not None:
            write_atomically(reference.kept_path(folder), reference.text.encode())


def trust_kept_code(config: Config, folder: Path, *names: str, trust_code: bool) -> Config:
    """Config whose code in the fields `names` may be executed: its own, or the run folder's if it is trusted.

    Args:
        config: config of the run.
        folder: run folder.
        names: fields whose code is about to be executed.
        trust_code: whether the user trusts the code that the folder keeps.

    Raises:
        RunError: the code is only in the folder, and is not trusted.
        DataError: the file in the folder is missing, or is not the one that the config names.
    """
    references = {name: value for name, value in find_references(config).items() if name in names}
    for name, reference in references.items():
        if reference.text is not None:
            continue
        if not trust_code:
            path = reference.kept_path(folder)
            raise RunError(f"{folder}: {name} is code of its author, {path}; read it, then trust_code=True executes it")
        config = replace(config, **{name: read_kept_code(reference, folder)})  # type: ignore[type-var]  # a dataclass
    return config


def read_kept_code(reference: CodeReference, folder: Path) -> CodeReference:
    """Reference with the text that a run folder keeps.

    Raises:
        DataError: the file is missing, or is not the one that the reference names.
    """
    path = reference.kept_path(folder)
    try:
        text = read_text(path)
    except DataError as error:
        raise DataError(f"{path}: {error}; the run cannot be used without its code") from None
    if hash_text(text) != reference.sha256:
        raise DataError(f"{path}: altered (its SHA-256 is not the one in config.json)")
    return CodeReference(reference, text, path)


def verify_kept_code(values: Mapping[str, Any], folder: Path) -> None:
    """Check that a run folder keeps the files that its config names.

    Raises:
        DataError: a file is missing, or is not the one that the config names.
    """
    for reference in _references_in(values):
        read_kept_code(reference, folder)


def kept_files(values: Mapping[str, Any], folder: Path) -> list[Path]:
    """Places of the files that a config names, in its run folder.

    Args:
        values: fields of the config, as its JSON has them.
        folder: run folder.
    """
    return [reference.kept_path(folder) for reference in _references_in(values)]


def _references_in(values: Mapping[str, Any]) -> list[CodeReference]:
    texts = [value for value in values.values() if isinstance(value, str)]
    return [CodeReference(text) for text in texts if REFERENCE.fullmatch(text)]
