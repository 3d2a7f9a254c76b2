"""`palingen gan`: a generator, a discriminator, and what lies between two digits."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from palingen import pictures, recipes
from palingen.adversarial import train as adversarial
from palingen.adversarial.between import between
from palingen.adversarial.experiment import GanRun
from palingen.adversarial.judge import load_judge
from palingen.adversarial.latent import grid
from palingen.adversarial.measured import draw, draw_numbers
from palingen.adversarial.score import SAMPLES, check_count, yardstick
from palingen.adversarial.snapshots import Moment, write_array, write_png
from palingen.adversarial.stacked import FEWEST as STACKED_FEWEST
from palingen.adversarial.stacked import SAMPLES as STACKED_SAMPLES
from palingen.adversarial.trained import PREFIX, Trained, load
from palingen.cli.scores import print_scores
from palingen.cli.terminal import Training, TrainingFlags, Where, WhereFlags, recipe_values, say
from palingen.config import check_value
from palingen.errors import PalingenError
from palingen.files import write_json
from palingen.runs import choose_device
from palingen.team import gather

app = App(name="gan", help="A GAN that draws digits.")
app.command("palingen.cli.explore:explore", name="explore")
app.command("palingen.cli.export:export", name="export")
app.command("palingen.cli.compare:study", name="study", config=recipe_values(recipes.GAN))

Recipe = Literal["course", "public-script", "demo", "residual", "residual-unconditional", "stacked"]


@app.command(name="train", config=recipe_values(recipes.GAN))
def train(
    *,
    recipe: Recipe = "course",
    config: Annotated[GanRun, Parameter(name="*")] = recipes.GAN["course"],
    devices: int = 1,
    nodes: int = 1,
    where: TrainingFlags = Training(),
) -> None:
    """Train a generator against a discriminator; without flags, the course's setting.

    The run folder keeps 25 images from the same latents at the start, half way and the end (PNG, array and the
    generator's weights), a grid every --save-interval steps, both losses and the discriminator's accuracy all along.

    Parameters
    ----------
    recipe:
        Named settings; flags beside it change single ones.
    config:
        The experiment.
    devices:
        Devices of each machine to share every batch among: graphics cards, or with --device cpu processes.
    nodes:
        Machines to share it among; start the command on each by torchrun. Every machine must see the same --out.
    where:
        Where to write and run.
    """
    folder = where.folder("gan", recipe, config)
    team = gather(where.device, devices, nodes)
    result = adversarial.train(config, folder, team.device, force=where.force, team=team)
    if not team.leads:
        return
    files = [*pictures.of_game(folder, folder), folder / "records.jsonl", folder / "weights.safetensors"]
    shown = {name: result[name] for name in ("epochs", "seconds", *adversarial.LOOKS)}
    say({**shown, "folder": folder, "files": files}, where, title="GAN")


@app.command(name="sample")
def sample(
    run: str,
    /,
    *,
    count: int = 25,
    seed: int = 0,
    classes: Annotated[tuple[int, ...] | None, Parameter(consume_multiple=True)] = None,
    columns: int = 5,
    moment: Moment = "end",
    truncation: float | None = None,
    where: WhereFlags = Where(),
) -> None:
    """Draw new digits from a trained generator, as a PNG grid and as an array.

    Parameters
    ----------
    run:
        Folder of a finished run, or pretrained:NAME.
    count:
        Images to draw.
    seed:
        Seed of the latents.
    classes:
        The digits to draw in turn, for a class-conditional generator; at random if left out.
    columns:
        Images in a row of the grid.
    moment:
        Of the training: its start, its middle or its end.
    truncation:
        Shorten latents that are longer than this times sqrt(Z), for example 0.95, for likelier and less varied digits;
        0 takes them as they come. The run's own if left out.
    where:
        Where to write.
    """
    check_value("count", count, 1 <= count <= 100_000, "between 1 and 100000")
    check_value("columns", columns, columns >= 1, "at least 1")
    check_value("seed", seed, seed >= 0, "at least 0")
    choose_device("cpu")
    trained = load(_run(run), moment).truncated(truncation)
    pixels = trained.pixels(count, seed, trained.labels(count, seed, classes))
    folder = where.out or Path("runs") / "sample" / f"{trained.name}-{moment}-seed{seed}"
    write_png(folder / "samples.png", grid(pixels, columns))
    write_array(folder / "samples.npy", pixels)
    files = [folder / "samples.png", folder / "samples.npy"]
    say({"count": count, "seed": seed, "folder": folder, "files": files}, where, title="Samples")


@app.command(name="interpolate")
def interpolate(
    run: str,
    /,
    *,
    steps: int = 7,
    classes: tuple[int, int] | None = None,
    seed: int = 0,
    where: WhereFlags = Where(),
) -> None:
    """Walk between two digits of different classes: --steps images between the two ends, straight and on the arc.

    Parameters
    ----------
    run:
        Folder of a finished run, or pretrained:NAME.
    steps:
        Images between the two ends.
    classes:
        The two digits to walk between, for example --classes 3 8; any two that the judge is sure of if left out.
    seed:
        Seed of the latents to choose from.
    where:
        Where to write.
    """
    check_value("steps", steps, 1 <= steps <= 50, "between 1 and 50")
    check_value("seed", seed, seed >= 0, "at least 0")
    if classes:
        fit = classes[0] != classes[1] and all(0 <= digit <= 9 for digit in classes)
        check_value("classes", classes, fit, "two different digits")
    choose_device("cpu")
    trained = _of_digits(load(_run(run)))
    walks = between(trained.generator, trained.config.latent_dim, steps, seed, classes, trained.config.classes)
    folder = where.out or Path("runs") / "interpolate" / f"{trained.name}-seed{seed}"
    files = pictures.of_walks(folder, walks)
    ends = walks["linear"]
    result = {
        "classes": [ends.classes[0], ends.classes[-1]],
        "confidences": [ends.confidences[0], ends.confidences[-1]],
        **{f"{name}_classes": walk.classes for name, walk in walks.items()},
        **{f"{name}_confidences": walk.confidences for name, walk in walks.items()},
        "folder": folder,
        "files": files,
    }
    say(result, where, title="Between two digits")


@app.command(name="score")
def score(
    run: str,
    /,
    *,
    count: int | None = None,
    seed: int = 0,
    draws: int = 1,
    truncation: float | None = None,
    where: WhereFlags = Where(),
) -> None:
    """Measure a generator's images against the test images, real and spoilt images beside it.

    A generator of three digits is measured by how many of the 1000 numbers it draws, and how evenly.

    Parameters
    ----------
    run:
        Folder of a finished run, or pretrained:NAME.
    count:
        Images to measure; 10000 if left out (26000 of three digits), and no fewer than 5000.
    seed:
        Seed of the latents.
    draws:
        Measure as many sets of images, with this seed and the following, and give means and standard deviations.
    truncation:
        Shorten latents that are longer than this times sqrt(Z); 0 takes them as they come. The run's own if left out.
    where:
        Where to write.
    """
    check_value("seed", seed, seed >= 0, "at least 0")
    check_value("draws", draws, draws >= 1, "at least 1")
    choose_device("cpu")
    trained = load(_run(run)).truncated(truncation)
    folder = where.out or Path("runs") / "score" / f"{trained.name}-seed{seed}"
    made = {"folder": folder, "files": [folder / "score.json"]}
    if trained.config.channels == 3:
        check_value("draws", draws, draws == 1, "1, which is what there is for three digits")
        count = STACKED_SAMPLES if count is None else count
        check_value(
            "count", count, count >= STACKED_FEWEST, f"at least {STACKED_FEWEST}: fewer hardly meet 1000 numbers"
        )
        modes = draw_numbers(trained, load_judge(), count, seed)
        write_json(folder / "score.json", modes)
        say({**modes, **made}, where, title="Modes")
        return
    count = SAMPLES if count is None else count
    check_count(count)
    drawn, references = draw(trained, yardstick(), count, seed, draws), yardstick().references(count)
    result = drawn.as_record(references)
    write_json(folder / "score.json", result)
    if not where.json:
        title = f"{count} images a row, against the 10000 test images"
        print_scores({trained.name: drawn.mean, **references}, title, drawn.spread)
    say({**result, **made} if where.json else made, where, title="Score")


def _of_digits(trained: Trained) -> Trained:
    if trained.config.channels != 1:
        raise PalingenError(f"{trained.name}: draws three digits at once; this is for generators of one")
    return trained


def _run(run: str) -> str | Path:
    """What a RUN argument means: a shipped generator, or a folder whatever it is called."""
    return run if run.startswith(PREFIX) else Path(run)
