"""Compilation of C++ for this CPU at first use, with a cache on disk."""

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

from palingen.runtime.paths import cache_folder

FLAGS = ["-std=c++17", "-O3", "-march=native", "-fPIC", "-fopenmp", "-fno-math-errno"]

GENERATED_HEADER = "step.h"
"""Name under which the code includes its generated header."""


class NoCompilerError(Exception):
    """The code cannot be compiled or loaded here; the message says why, in one line."""


@cache
def load_library(source: Path, header: str) -> ctypes.CDLL:
    """Load the compiled library of a C++ file; compile it if the cache does not hold it.

    Args:
        source: C++ file, with its fixed headers in the same folder.
        header: text of its generated header.

    Raises:
        NoCompilerError: there is no compiler (`CXX` names one), or it fails.
    """
    compiler = find_compiler()
    runtime = _openmp_runtime()
    fixed_headers = [path.read_bytes() for path in sorted(source.parent.glob("*.h"))]
    code = [source.read_bytes(), *fixed_headers, header.encode()]
    key = hashlib.sha256(b"\0".join([*code, _target(compiler), runtime.encode()])).hexdigest()[:16]
    library = cache_folder() / f"{source.stem}-{key}.so"
    try:
        if not library.exists():
            _build(compiler, source, header, library, runtime)
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise NoCompilerError(f"{library}: {error}") from error


def find_compiler() -> list[str]:
    """Command of the C++ compiler: `CXX`, or the first of c++, g++ and clang++.

    Raises:
        NoCompilerError: there is none.
    """
    chosen = shlex.split(os.environ.get("CXX", ""))
    for command in [chosen] if chosen else [["c++"], ["g++"], ["clang++"]]:
        if shutil.which(command[0]):
            return command
    raise NoCompilerError(f"no C++ compiler found ({' '.join(chosen) or 'c++, g++, clang++'})")


def _target(compiler: list[str]) -> bytes:
    """Meaning of the flags for this compiler and CPU, part of the key: several machines may share a cache."""
    command = [*compiler, *FLAGS, "-x", "c++", "-E", "-v", os.devnull]
    return subprocess.run(command, capture_output=True, check=False).stderr


def _openmp_runtime() -> str:
    """OpenMP library that torch has loaded: with a second one, the threads of each would wait for the other's."""
    torch.get_num_threads()
    try:
        maps = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return "-fopenmp"
    paths = {line.split(maxsplit=5)[-1] for line in maps if "omp" in line.rsplit("/", 1)[-1]}
    return min((path for path in paths if "/" in path), default="-fopenmp")


def _build(compiler: list[str], source: Path, header: str, library: Path, runtime: str) -> None:
    print(f"engine native: compiling {source.name} for this CPU, once", file=sys.stderr)
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        (Path(folder) / GENERATED_HEADER).write_text(header)
        compiled, linked = Path(folder) / "library.o", Path(folder) / library.name
        for command in (
            [*compiler, *FLAGS, f"-I{folder}", "-c", str(source), "-o", str(compiled)],
            [*compiler, "-shared", str(compiled), "-o", str(linked), runtime],
        ):
            process = subprocess.run(command, capture_output=True, text=True, check=False)
            if process.returncode:
                errors = [line for line in process.stderr.splitlines() if "error" in line]
                raise NoCompilerError(f"{compiler[0]} cannot compile {source.name}: {next(iter(errors), 'no message')}")
        linked.replace(library)
