"""`palingen classifier`: the classifiers from which all scores are computed."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import App

from palingen.cli.options import FIELDS, TrainingFlags, TrainingOptions, print_result, recipe_flag, recipe_values
from palingen.gan.data.sources import load_data
from palingen.gan.evaluation.classifier_store import store_folder
from palingen.gan.evaluation.classifier_training import ClassifierConfig, scale_epochs, train_classifier
from palingen.recipes import CLASSIFIER
from palingen.runtime.numerics import select_device
from palingen.runtime.run_files import read_config

app = App(name="classifier")


@app.command(name="train", config=recipe_values(CLASSIFIER, default="first"))
def train(
    *,
    recipe: Annotated[str, recipe_flag(CLASSIFIER)] = "first",
    config: Annotated[ClassifierConfig, FIELDS] = CLASSIFIER["first"],
    options: TrainingFlags = TrainingOptions(),
) -> None:
    """Train a classifier for a data set; without flags, the shipped first one of digits.

    The first classifier computes all metrics. The second takes no part in training or choosing, and only reports.
    Without --out, that of any other data set than MNIST is kept in the cache, where score, interpolate, explore and the
    monitor of a training find it; a small data set gets more epochs, unless --epochs differs from the recipe's.
    """
    folder = options.out
    if folder is None:
        cached = _cached(recipe, config, options.force)
        folder, config = cached or (options.folder("classifier", recipe, config), config)
    result = train_classifier(config, folder, select_device(options.device), **options.keywords)
    record = {name: result[name] for name in ("accuracy", "epochs", "seconds", "seed")}
    paths = {"folder": folder, "files": [folder / "weights.safetensors"]}
    rows = record | {"accuracy": f"{100 * result['accuracy']:.2f} % of the test images"}
    print_result({**record, **paths}, options.json, title="Classifier training", rows={**rows, **paths})


def _cached(recipe: str, config: ClassifierConfig, force: bool) -> tuple[Path, ClassifierConfig] | None:
    """Folder in the cache and config of the classifier of a data set; None for MNIST, whose classifiers are shipped."""
    if config.data == "mnist" or (images := load_data(config.data)).info.is_mnist:
        return None
    if config.epochs == CLASSIFIER[recipe].epochs:
        config = scale_epochs(config, len(images.train))
    folder = store_folder(images.info) / recipe
    if not force and (folder / "weights.safetensors").exists():  # trained, perhaps when the data had another path
        config = replace(config, data=read_config(folder, ClassifierConfig).data)
    return folder, config
