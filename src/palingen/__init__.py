"""palingen: two small laboratories, recurrent cells that remember palindromes and a GAN that generates digits.

    from palingen import load_generator

    images = load_generator("residual").sample(25, classes=range(10))  # [25, 1, 28, 28], grey levels from 0 to 1

Everything in `__all__` is public. All modules are private to the package and may change.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from palingen import nn as nn
    from palingen import recipes as recipes
    from palingen.gan.config import GanConfig as GanConfig
    from palingen.gan.data.sources import load_images as load_images
    from palingen.gan.evaluate import evaluate_images as evaluate_images
    from palingen.gan.models import Networks as Networks
    from palingen.gan.models.mlp import MlpDiscriminator as MlpDiscriminator
    from palingen.gan.models.mlp import MlpGenerator as MlpGenerator
    from palingen.gan.objectives import gradient_penalties as gradient_penalties
    from palingen.gan.objectives import losses as losses
    from palingen.gan.objectives.gradient_penalties import GradientPenalty as GradientPenalty
    from palingen.gan.objectives.losses import AdversarialLoss as AdversarialLoss
    from palingen.gan.pretrained import load_generator as load_generator
    from palingen.gan.sampling.snapshots import read_snapshots as read_snapshots
    from palingen.gan.train import train_gan as train_gan
    from palingen.recurrence import cells as cells
    from palingen.recurrence import palindromes as palindromes
    from palingen.recurrence.analysis import analyze_run as analyze_run
    from palingen.recurrence.cells import Cell as Cell
    from palingen.recurrence.config import PalindromeConfig as PalindromeConfig
    from palingen.recurrence.config import build_data as build_data
    from palingen.recurrence.config import build_network as build_network
    from palingen.recurrence.layers import RecurrentLayer as RecurrentLayer
    from palingen.recurrence.layers import SequenceClassifier as SequenceClassifier
    from palingen.recurrence.pretrained import load_network as load_network
    from palingen.recurrence.train import train_palindrome as train_palindrome
    from palingen.report import figures as figures
    from palingen.runtime.errors import Interrupted as Interrupted
    from palingen.runtime.errors import PalingenError as PalingenError
    from palingen.runtime.numerics import select_device as select_device
    from palingen.runtime.progress import progress as progress
    from palingen.runtime.run_files import read_records as read_records
    from palingen.workflows import notebook_display

    notebook = notebook_display
    __version__: str

_HOMES = {
    # both laboratories
    "Interrupted": "runtime.errors",
    "PalingenError": "runtime.errors",
    "progress": "runtime.progress",
    "read_records": "runtime.run_files",
    "select_device": "runtime.numerics",
    # recurrence
    "Cell": "recurrence.cells",
    "PalindromeConfig": "recurrence.config",
    "RecurrentLayer": "recurrence.layers",
    "SequenceClassifier": "recurrence.layers",
    "analyze_run": "recurrence.analysis",
    "build_data": "recurrence.config",
    "build_network": "recurrence.config",
    "load_network": "recurrence.pretrained",
    "train_palindrome": "recurrence.train",
    # gan
    "AdversarialLoss": "gan.objectives.losses",
    "GanConfig": "gan.config",
    "GradientPenalty": "gan.objectives.gradient_penalties",
    "MlpDiscriminator": "gan.models.mlp",
    "MlpGenerator": "gan.models.mlp",
    "Networks": "gan.models",
    "evaluate_images": "gan.evaluate",
    "load_generator": "gan.pretrained",
    "load_images": "gan.data.sources",
    "read_snapshots": "gan.sampling.snapshots",
    "train_gan": "gan.train",
}
"""Module of each public name, imported when the name is first used, so that `import palingen` needs no torch."""

_MODULES = {
    "cells": "recurrence.cells",
    "figures": "report.figures",
    "gradient_penalties": "gan.objectives.gradient_penalties",
    "losses": "gan.objectives.losses",
    "nn": "nn",
    "notebook": "workflows.notebook_display",
    "palindromes": "recurrence.palindromes",
    "recipes": "recipes",
}
"""Public modules, by their public name."""

__all__ = sorted([*_HOMES, *_MODULES])


if not TYPE_CHECKING:  # a type checker would accept any name

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return import_module(f"palingen.{_MODULES[name]}")
        if name in _HOMES:
            return getattr(import_module(f"palingen.{_HOMES[name]}"), name)
        if name == "__version__":
            from importlib.metadata import version

            return version("palingen")
        raise AttributeError(f"module 'palingen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
