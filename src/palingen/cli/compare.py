"""`palingen gan study`: what a loss or a setting changes, at the same budget, over seeds."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from palingen import pictures, recipes
from palingen.adversarial import study as studies
from palingen.adversarial.experiment import GanRun, LossName
from palingen.cli.terminal import Training, TrainingFlags, say
from palingen.config import check
from palingen.files import write_json
from palingen.progress import progress
from palingen.report.comparison import by_arm, spread
from palingen.runs import choose_device, environment
from palingen.workers import Workers


def study(
    *,
    losses: Annotated[tuple[LossName, ...], Parameter(consume_multiple=True, negative_iterable=())] = (),
    seeds: int = 3,
    recipe: str = "course",
    config: Annotated[GanRun, Parameter(name="*", show_default=False)] = recipes.GAN["course"],
    workers: Annotated[Workers, Parameter(name="*")] = Workers(),
    where: TrainingFlags = Training(),
) -> None:
    """Train and score one recipe with several seeds, under each of several losses if they are named.

    The same study again goes on where it was stopped; other recipes, losses and settings with the same --out are added
    to what is there and compared with it.

    Parameters
    ----------
    losses:
        Losses to compare; the recipe's own if left out.
    seeds:
        Runs of each, with seeds 0, 1, ...
    recipe:
        Named settings of each run; flags beside it change single ones.
    config:
        Each run's experiment; its seed is the study's, and its loss if --losses is given.
    workers:
        Where the runs are computed.
    where:
        Where to write and run.
    """
    own = recipes.GAN[recipe]
    check(config, "seed", config.seed == own.seed, "a study's; it takes --seeds")
    check(config, "loss", not losses or config.loss == own.loss, "possible beside --losses")
    arms = studies.plan(recipe, own, config, losses, seeds)
    folder = where.folder("study", f"gan-{recipe}", config)
    results = _watch(len(arms), studies.study(arms, folder, choose_device(where.device), workers, force=where.force))
    every = studies.finished(folder)
    write_json(folder / "study.json", {"config": asdict(config), "environment": environment(), "runs": every})
    files = [pictures.of_comparison(folder, every), folder / "study.json"]
    if where.json:
        say({"runs": results, "folder": folder, "files": files}, where, title="")
    else:
        _print(every)
        say({"folder": folder, "files": files}, where, title="Study")


def _watch(count: int, results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Gather all results, saying each as it comes."""
    done: list[dict[str, Any]] = []
    with progress("study", count, "runs") as watcher:
        for result in results:
            done.append(result)
            if score := result["score"]:
                watcher.advance(len(done), **{name: score[name] for name in ("fd", "coverage", "recall")})
            else:
                print(f"{result['label']}, seed {result['seed']}: {result['stopped']}", file=sys.stderr)
    return sorted(done, key=lambda result: (result["label"], result["seed"]))


def _print(results: list[dict[str, Any]]) -> None:
    title = "Mean over seeds (lowest to highest), 10000 images each"
    table = Table("", "epochs", "seeds", *spread(()), title=title, title_justify="left", title_style="bold")
    for (label, epochs), runs in by_arm(results).items():
        scores = [run["score"] for run in runs if run["score"]]
        table.add_row(label, str(epochs), f"{len(scores)} of {len(runs)}", *spread(scores).values())
    Console().print(table)
