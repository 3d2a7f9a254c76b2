"""`palingen judge`: the classifier that says what a picture shows."""

from typing import Annotated

from cyclopts import App, Parameter

from palingen import recipes
from palingen.adversarial import judge
from palingen.adversarial.judge import JudgeRun
from palingen.cli.terminal import Training, TrainingFlags, say
from palingen.runs import choose_device

app = App(name="judge", help="The classifier that says what a picture shows.")


@app.command(name="train")
def train(
    *,
    config: Annotated[JudgeRun, Parameter(name="*")] = recipes.JUDGE["shipped"],
    where: TrainingFlags = Training(),
) -> None:
    """Train the judge; without flags, the very one that is shipped.

    Parameters
    ----------
    config:
        The experiment.
    where:
        Where to write and run.
    """
    folder = where.folder("judge", "judge", config)
    result = judge.train(config, folder, choose_device(where.device), force=where.force)
    shown = {name: result[name] for name in ("accuracy", "epochs", "seconds", "seed")}
    say({**shown, "folder": folder, "files": [folder / "weights.safetensors"]}, where, title="Judge")
