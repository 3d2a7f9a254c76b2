"""`palingen classifier`: the digit classifier from which all scores are computed."""

from typing import Annotated

from cyclopts import App

from palingen.cli.options import FIELDS, TrainingFlags, TrainingOptions, print_result
from palingen.gan.evaluation.classifier_training import ClassifierConfig, train_classifier
from palingen.recipes import CLASSIFIER
from palingen.runtime.numerics import select_device

app = App(name="classifier")


@app.command(name="train")
def train(
    *,
    config: Annotated[ClassifierConfig, FIELDS] = CLASSIFIER["shipped"],
    options: TrainingFlags = TrainingOptions(),
) -> None:
    """Train the classifier; without flags, the shipped one."""
    folder = options.folder("classifier", "classifier", config)
    result = train_classifier(
        config,
        folder,
        select_device(options.device),
        force=options.force,
        allow_engine_change=options.allow_engine_change,
    )
    record = {name: result[name] for name in ("accuracy", "epochs", "seconds", "seed")}
    paths = {"folder": folder, "files": [folder / "weights.safetensors"]}
    print_result({**record, **paths}, options.json, title="Classifier training")
