"""C++ beside the package, compiled for this very processor at first use and kept in the user's cache."""

import ctypes
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import torch

FLAGS = ["-std=c++17", "-O3", "-march=native", "-fPIC", "-fopenmp", "-fno-math-errno"]


class NoCompilerError(Exception):
    """Native code cannot be had here; the message says why, in one line."""


@cache
def load(source: Path, name: str, header: str) -> ctypes.CDLL:
    """The compiled library of a C++ file, built now unless an equal one was built before.

    Args:
        source: the file; other headers lie beside it.
        name: of one more header that it includes.
        header: what that one says.

    Raises:
        NoCompilerError: there is no compiler (`CXX` names one), or it does not take the file.
    """
    compiler = _compiler()
    beside = sorted(source.parent.glob("*.h"))
    parts = [source.read_bytes(), *(path.read_bytes() for path in beside), header.encode()]
    runtime = _openmp_runtime()
    key = hashlib.sha256(b"\0".join([*parts, _target(compiler), runtime.encode()])).hexdigest()[:16]
    library = cache_folder() / f"{source.stem}-{key}.so"
    try:
        if not library.exists():
            _build(compiler, source, name, header, library, runtime)
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise NoCompilerError(f"{library}: {error}") from error


def cache_folder() -> Path:
    """Where compiled code is kept: `PALINGEN_CACHE`, or palingen's folder in the user's cache."""
    if named := os.environ.get("PALINGEN_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "palingen"


def _compiler() -> list[str]:
    named = shlex.split(os.environ.get("CXX", ""))
    for command in [named] if named else [["c++"], ["g++"], ["clang++"]]:
        if shutil.which(command[0]):
            return command
    raise NoCompilerError(f"no C++ compiler ({' '.join(named) or 'c++, g++, clang++'}) was found")


def _target(compiler: list[str]) -> bytes:
    """What the flags mean to this compiler on this processor: a cache may be shared between machines."""
    asked = [*compiler, *FLAGS, "-x", "c++", "-E", "-v", os.devnull]
    return subprocess.run(asked, capture_output=True, check=False).stderr


def _openmp_runtime() -> str:
    """The OpenMP library that torch has loaded: with a second one, each one's threads would wait for the other's."""
    torch.get_num_threads()
    try:
        maps = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return "-fopenmp"
    paths = {line.split(maxsplit=5)[-1] for line in maps if "omp" in line.rsplit("/", 1)[-1]}
    return min((path for path in paths if "/" in path), default="-fopenmp")


def _build(compiler: list[str], source: Path, name: str, header: str, library: Path, runtime: str) -> None:
    print("engine native: compiling the cell for this processor, once", file=sys.stderr)
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        (Path(folder) / name).write_text(header)
        made = Path(folder) / "library.o"
        linked = Path(folder) / library.name
        for command in (
            [*compiler, *FLAGS, f"-I{folder}", "-c", str(source), "-o", str(made)],
            [*compiler, "-shared", str(made), "-o", str(linked), runtime],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                words = next((line for line in done.stderr.splitlines() if "error" in line), "it says nothing")
                raise NoCompilerError(f"{compiler[0]} does not take {source.name}: {words}")
        linked.replace(library)
