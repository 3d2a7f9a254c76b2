"""`palingen classifier`: the digit classifiers from which all scores are computed."""

from typing import Annotated

from cyclopts import App

from palingen.cli.options import FIELDS, TrainingFlags, TrainingOptions, print_result, recipe_flag, recipe_values
from palingen.gan.evaluation.classifier_training import ClassifierConfig, train_classifier
from palingen.recipes import CLASSIFIER
from palingen.runtime.numerics import select_device

app = App(name="classifier")


@app.command(name="train", config=recipe_values(CLASSIFIER, default="first"))
def train(
    *,
    recipe: Annotated[str, recipe_flag(CLASSIFIER)] = "first",
    config: Annotated[ClassifierConfig, FIELDS] = CLASSIFIER["first"],
    options: TrainingFlags = TrainingOptions(),
) -> None:
    """Train a classifier of digits; without flags, the shipped first one.

    The first classifier computes all metrics. The second takes no part in training or choosing, and only reports.
    """
    folder = options.folder("classifier", recipe, config)
    result = train_classifier(config, folder, select_device(options.device), **options.keywords)
    record = {name: result[name] for name in ("accuracy", "epochs", "seconds", "seed")}
    paths = {"folder": folder, "files": [folder / "weights.safetensors"]}
    print_result({**record, **paths}, options.json, title="Classifier training")
