"""Examination of an installation: what is there, what is not, and what to do about it.

Each check stands alone, so that a broken part is reported beside the working ones.
"""

import contextlib
import io
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from palingen.runtime.paths import cache_folder
from palingen.runtime.processor import features_text, processor_features, processor_name

Status = Literal["ok", "absent", "broken"]

MIN_PYTHON, MAX_PYTHON = (3, 11), (3, 14)
"""Versions of Python with which the tests run."""

TOLERANCE = 1e-4
"""Largest difference of an engine from the reference; they round differently."""

PALINDROME_ENGINES = {"native": "cpu", "compiled": "cpu", "triton": "cuda"}
"""Engines that are tried, and the device of each."""

EXTRAS = {
    "export": "gan export",
    "notebook": "executing the notebooks",
    "cluster": "studies on dask or ray",
    "tensorboard": "--track tensorboard",
    "wandb": "--track wandb",
    "mlflow": "--track mlflow",
    "dev": "tests and checks",
}
"""Use of each extra."""


@dataclass(frozen=True)
class Check:
    """Result of one check."""

    name: str

    status: Status
    """`absent`: something optional is not there. `broken`: something does not work."""

    detail: str

    advice: str | None = None
    """Next step, unless all is well."""


def examine() -> Iterator[Check]:
    """Results of all checks, one after the other: some take seconds, since they compile and compute."""
    yield _check("python", _python)
    yield _check("palingen", _package)
    yield _check("torch", _torch)
    yield _check("processor", _processor)
    yield _check("devices", _devices)
    yield _check("compiler", _compiler)
    for engine, device in PALINDROME_ENGINES.items():
        yield _check(f"palindrome engine {engine}", partial(_palindrome_engine, engine, device))
    yield _check("GAN engines", _gan_engines)
    yield _check("images", _images)
    yield _check("cache", _cache)
    for extra, use in EXTRAS.items():
        yield _check(f"extra {extra}", partial(_extra, extra, use))


Outcome = tuple[Status, str, str | None]
"""Status, detail and advice."""


def _check(name: str, function: Callable[[], Outcome]) -> Check:
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # "compiling ..." is no news here
            status, detail, advice = function()
    except Exception as error:  # whatever is wrong with an installation is what this command is for
        reason = next(iter(str(error).strip().splitlines()), "")
        status, detail = "broken", f"{type(error).__name__}: {reason}"[:200]
        advice = "install again: make install, or pip install --force-reinstall palingen"
    return Check(name, status, detail, advice)


def _python() -> Outcome:
    tested = MIN_PYTHON <= sys.version_info[:2] <= MAX_PYTHON
    advice = None if tested else f"use Python {MIN_PYTHON[0]}.{MIN_PYTHON[1]} to {MAX_PYTHON[0]}.{MAX_PYTHON[1]}"
    detail = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    return "ok" if tested else "broken", detail, advice


def _package() -> Outcome:
    return "ok", f"{version('palingen')}, in {Path(__file__).parents[1]}", None


def _torch() -> Outcome:
    import torch
    from packaging.requirements import Requirement

    needed = next(needed for needed in map(Requirement, requires("palingen") or ()) if needed.name == "torch")
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU build"
    detail = f"{torch.__version__}, {build}, {torch.get_num_threads()} thread(s), needs {needed}"
    if needed.specifier.contains(torch.__version__, prereleases=True):
        return "ok", detail, None
    return "broken", f"{detail}: not tested with this one", f"pip install '{needed}'"


def _processor() -> Outcome:
    import torch

    features = processor_features()
    detail = f"{processor_name()}, {os.cpu_count()} cores: {features_text()}"
    detail += f"; torch uses {torch.backends.cpu.get_cpu_capability()}"
    if features is None or features["bfloat16"]:
        return "ok", detail, None
    return "absent", detail, "train recipe residual with --precision float32, which is faster without bfloat16"


def _devices() -> Outcome:
    import torch

    devices = ["cpu"]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        devices.append(f"cuda:{index} ({properties.name}, {properties.total_memory / 2**30:.0f} GB)")
    if torch.backends.mps.is_available():
        devices.append("mps")
    if shutil.which("nvidia-smi") and len(devices) == 1:
        return "absent", "cpu; there is an NVIDIA driver, but this torch cannot use it", "install torch's CUDA build"
    return "ok", ", ".join(devices), None


def _compiler() -> Outcome:
    from palingen.runtime.native import cpp_build

    try:
        command = cpp_build.find_compiler()
    except cpp_build.NoCompilerError as error:
        return "absent", str(error), "install g++ or clang++, or name one in CXX; without it, studies are slower"
    first_line = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=20).stdout
    return "ok", f"{shlex.join(command)}: {next(iter(first_line.splitlines()), 'version unknown')}", None


def _palindrome_engine(name: str, device: str) -> Outcome:
    """Train one step of a small LSTM with the engine and with the reference."""
    import torch

    from palingen.recurrence.engines import ENGINES
    from palingen.recurrence.layers import SequenceClassifier

    if device == "cuda" and not torch.cuda.is_available():
        return "absent", "runs on NVIDIA GPUs, of which torch finds none", "needed there alone; see devices"
    inputs = torch.linspace(-1, 1, 12, device=device).view(2, 6, 1)
    gradients = {}
    for engine in ("reference", name):
        torch.manual_seed(0)
        model = SequenceClassifier("lstm", input_size=1, hidden_size=4, num_classes=3, engine=engine).to(device)
        if reason := ENGINES[engine].unsupported_reason(model.recurrent.cell, inputs):
            return "absent", reason, "engine auto takes another; see compiler and cache"
        with contextlib.redirect_stderr(io.StringIO()) as warnings:
            parts = torch.autograd.grad(model(inputs).square().sum(), list(model.parameters()))
        gradients[engine] = torch.cat([part.flatten() for part in parts])
    difference = float((gradients["reference"] - gradients[name]).abs().max())
    if difference > TOLERANCE:
        return "broken", f"its gradient differs by {difference:.2g} from the reference", "use --engine reference"
    if "not compiled" in warnings.getvalue():
        return "absent", warnings.getvalue().strip().removeprefix("engine compiled: "), "see compiler"
    return "ok", f"works, and equals the reference up to {difference:.0e}", None


def _gan_engines() -> Outcome:
    from palingen.gan.trainer import resolve_training_engine
    from palingen.recipes import GAN
    from palingen.runtime.numerics import select_device

    device = select_device()
    engines = {name: resolve_training_engine("auto", GAN[name], device) for name in ("course", "residual")}
    parts = (f"{engine} for recipe {name}" for name, engine in engines.items())
    return "ok", f"on {device.type}: {', '.join(parts)}", None


def _images() -> Outcome:
    from palingen.gan.data.mnist import load_images

    return "ok", f"MNIST, {len(load_images('train')):,} training and {len(load_images('t10k')):,} test images", None


def _cache() -> Outcome:
    folder = cache_folder()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        return "broken", f"{folder} cannot be written", "name another folder in PALINGEN_CACHE"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return "ok", f"{folder}, {size / 2**20:.1f} MB", None


def _extra(extra: str, use: str) -> Outcome:
    from packaging.requirements import Requirement

    needs = map(Requirement, requires("palingen") or ())
    packages = [need.name for need in needs if need.marker and need.marker.evaluate({"extra": extra})]
    missing = [name for name in packages if not _is_installed(name)]
    if not missing:
        return "ok", f"for {use}", None
    return "absent", f"for {use}; lacks {', '.join(missing)}", f"pip install 'palingen[{extra}]'"


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
