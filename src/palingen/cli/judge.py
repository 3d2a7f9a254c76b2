"""`palingen judge`: the classifier that says what a picture shows."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from palingen import recipes
from palingen.adversarial import judge
from palingen.adversarial.judge import JudgeRun
from palingen.adversarial.score import SAMPLES, check_count, yardstick
from palingen.cli.scores import print_scores
from palingen.cli.terminal import Training, TrainingFlags, Where, WhereFlags, say
from palingen.files import write_json
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


@app.command(name="floor")
def floor(*, count: int = SAMPLES, where: WhereFlags = Where()) -> None:
    """Score real images as if they were generated, and real images spoilt on purpose.

    The first is the best that a generator can hope for; the others show what each number notices.

    Parameters
    ----------
    count:
        Images a row.
    where:
        Where to write.
    """
    check_count(count)
    choose_device("cpu")
    scores = yardstick().references(count)
    folder = where.out or Path("runs") / "judge" / f"floor-{count}"
    rows = {name: asdict(score) for name, score in scores.items()}
    write_json(folder / "floor.json", rows)
    if not where.json:
        print_scores(scores, f"{count} real images a row, against the 10000 test images")
    made = {"folder": folder, "files": [folder / "floor.json"]}
    say({"rows": rows, **made} if where.json else made, where, title="Floor")
