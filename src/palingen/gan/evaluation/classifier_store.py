"""Classifiers by data set: the shipped ones for MNIST, and one trained for each other data set, kept in the cache.

They are found by the hash of the images, so that a data set keeps its classifier when it is moved or renamed.
"""

import re
from pathlib import Path
from shlex import quote
from typing import Literal

from palingen.gan.data.dataset_info import DatasetInfo
from palingen.gan.evaluation.classifier import Classifier, load_classifier, load_frozen
from palingen.gan.evaluation.classifier_training import ARCHITECTURES, ClassifierConfig
from palingen.gan.evaluation.second_classifier import load_second_classifier
from palingen.runtime.errors import DataError
from palingen.runtime.paths import cache_folder
from palingen.runtime.run_files import read_config
from palingen.runtime.safetensors_io import load_weights

Role = Literal["first", "second"]
"""First classifier, which all metrics but one are computed from, or the second, which only reports."""


def store_folder(info: DatasetInfo) -> Path:
    """Folder of everything that is kept for a data set other than MNIST.

    Raises:
        ValueError: it is MNIST, whose classifiers are shipped.
    """
    if info.sha256 is None:
        raise ValueError("MNIST's classifiers are shipped, not stored")
    name = re.sub(r"[^A-Za-z0-9]+", "-", Path(info.name).name).strip("-")[:40]
    known = sorted((cache_folder() / "classifiers").glob(f"*-{info.sha256[:16]}"))  # under another name, perhaps
    return known[0] if known else cache_folder() / "classifiers" / f"{name}-{info.sha256[:16]}"


def find_classifier(info: DatasetInfo, role: Role = "first") -> Classifier | None:
    """Frozen classifier for a data set; None if none was trained.

    Raises:
        RunError: its weights are damaged.
    """
    if info.is_mnist:
        return load_classifier() if role == "first" else load_second_classifier()
    folder = store_folder(info) / role
    path = folder / "weights.safetensors"
    if not path.exists():
        return None
    num_classes = len(load_weights(path)["head.bias"])
    return load_frozen(ARCHITECTURES[read_config(folder, ClassifierConfig).architecture](num_classes), path)


def require_classifier(info: DatasetInfo) -> Classifier:
    """Frozen first classifier for a data set.

    Raises:
        DataError: there is none; the message says how to train one.
    """
    if classifier := find_classifier(info):
        return classifier
    raise DataError(f"{info.name}: {missing_reason(info)}")


def missing_reason(info: DatasetInfo) -> str:
    """Reason why a data set has no classifier, and what to do."""
    if not info.class_names:
        return "has no classes, so no classifier can be trained for it; put the images into a subfolder for each class"
    return f"has no classifier yet; train one with `palingen classifier train --data {quote(info.name)}`"
