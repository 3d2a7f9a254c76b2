"""Execution of a user's code, in one place: its file as a module, its objects, and its errors in one line."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.abc import InspectLoader
from importlib.util import module_from_spec, spec_from_loader
from traceback import walk_tb
from types import CodeType, FunctionType, ModuleType
from typing import TypeVar

from palingen.runtime.errors import ConfigError, PalingenError, RunError
from palingen.runtime.user_code import CodeReference
from palingen.runtime.validation import unknown_choice

Part = TypeVar("Part")

PREFIX = "palingen_user_code_"
"""Beginning of the names of all modules made of users' files; the rest is the hash."""

MAX_MESSAGE = 200
"""Characters of a user's error in a message."""


def load_part(
    field: str, value: str, registry: Mapping[str, Part], kind: type[Part] | None, check: Callable[[Part], None]
) -> Part:
    """Part that a config names: a built-in one, or one of a user, which is checked.

    Args:
        field: field of the config, for messages.
        value: name in `registry`, or a reference.
        registry: built-in parts by name.
        kind: class of the parts; None for functions.
        check: raises ConfigError, or anything else, if the user's part does not fit.

    Raises:
        ConfigError: the user's file fails, has no such object, or the object does not fit.
        RunError: the reference was read from a run, and nobody has trusted its code.
    """
    if not isinstance(value, CodeReference):
        return registry[value]
    with user_errors(field, value):
        part = _get_object(_load_module(value), value.name, kind)
        if not _is_of_kind(part, kind):
            expected = "a function" if kind is None else f"of type {kind.__name__}"
            raise ConfigError(f"is of type {type(part).__name__}, must be {expected}")
        check(part)  # type: ignore[arg-type]  # its class has just been checked
    return part  # type: ignore[return-value]


@contextmanager
def user_errors(field: str, reference: CodeReference) -> Iterator[None]:
    """Context in which any error about a user's part is one line that names field and part.

    Raises:
        ConfigError: something failed inside.
    """
    try:
        yield
    except RunError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{field}={reference.source!r}: {error_text(error)}") from error


def error_text(error: BaseException) -> str:
    """Error in one line, with file and line if it passed through a user's code."""
    return str(error) if isinstance(error, PalingenError) else error_line(error) or _describe(error)


def error_line(error: BaseException) -> str | None:
    """File, line and text of an error that passed through a user's code; None if it did not."""
    frames = [(frame, line) for frame, line in walk_tb(error.__traceback__)]
    lines = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in frames
        if str(frame.f_globals.get("__name__")).startswith(PREFIX)
    ]
    return f"{lines[-1]}: {_describe(error)}" if lines else None


class _TextLoader(InspectLoader):
    """Loader of a module from the text of a reference, whatever the file holds by now."""

    def __init__(self, reference: CodeReference) -> None:
        self.reference = reference

    def get_source(self, fullname: str) -> str:
        """Text of the file."""
        return self.reference.text or ""

    def get_code(self, fullname: str) -> CodeType:
        """Compiled file, with its path in tracebacks."""
        return self.source_to_code(self.get_source(fullname).encode(), str(self.reference.path))


def _load_module(reference: CodeReference) -> ModuleType:
    """Module of a reference; the file is executed once in a process."""
    if reference.text is None:
        advice = "name the file itself, as FILE.py:NAME, or load the run with trust_code=True"
        raise RunError(f"{reference.source}: code of a run, which is not executed unasked; {advice}")
    name = f"{PREFIX}{reference.sha256}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_loader(name, _TextLoader(reference), is_package=False)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        del sys.modules[name]
        raise ConfigError(f"{reference.path}:{error.lineno}: {error.msg}") from error
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _get_object(module: ModuleType, name: str, kind: type | None) -> object:
    if not hasattr(module, name):
        public = {key: value for key, value in vars(module).items() if not key.startswith("_")}
        choices = [key for key, value in public.items() if _is_of_kind(value, kind)] or [*public]
        raise ConfigError(unknown_choice(name, choices) if choices else "the file defines nothing")
    return getattr(module, name)


def _is_of_kind(value: object, kind: type | None) -> bool:
    return isinstance(value, FunctionType) if kind is None else isinstance(value, kind)


def _describe(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:MAX_MESSAGE]}" if text else type(error).__name__
