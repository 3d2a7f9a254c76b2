"""`palingen gan`: a generator, a discriminator, and what lies between two digits."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from palingen import pictures, recipes
from palingen.adversarial import train as adversarial
from palingen.adversarial.between import between
from palingen.adversarial.latent import draw_images, draw_latents, grid
from palingen.adversarial.train import GanRun, Moment, load_generator, write_array, write_png
from palingen.cli.terminal import Training, TrainingFlags, Where, WhereFlags, recipe_values, say
from palingen.config import check_value
from palingen.runs import choose_device

app = App(name="gan", help="A GAN that draws digits.")


@app.command(name="train", config=recipe_values(recipes.GAN))
def train(
    *,
    recipe: Literal["course", "public-script", "demo"] = "course",
    config: Annotated[GanRun, Parameter(name="*")] = recipes.GAN["course"],
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
    where:
        Where to write and run.
    """
    folder = where.folder("gan", recipe, config)
    result = adversarial.train(config, folder, choose_device(where.device), force=where.force)
    files = [*pictures.of_game(folder, folder), folder / "records.jsonl", folder / "weights.safetensors"]
    shown = {name: result[name] for name in ("epochs", "seconds", *adversarial.LOOKS)}
    say({**shown, "folder": folder, "files": files}, where, title="GAN")


@app.command(name="sample")
def sample(
    run: Path,
    /,
    *,
    count: int = 25,
    seed: int = 0,
    columns: int = 5,
    moment: Moment = "end",
    where: WhereFlags = Where(),
) -> None:
    """Draw new digits from a trained generator, as a PNG grid and as an array.

    Parameters
    ----------
    run:
        Folder of a finished run.
    count:
        Images to draw.
    seed:
        Seed of the latents.
    columns:
        Images in a row of the grid.
    moment:
        Of the training: its start, its middle or its end.
    where:
        Where to write.
    """
    check_value("count", count, 1 <= count <= 100_000, "between 1 and 100000")
    check_value("columns", columns, columns >= 1, "at least 1")
    check_value("seed", seed, seed >= 0, "at least 0")
    choose_device("cpu")
    generator, config = load_generator(run, moment)
    pixels = draw_images(generator, draw_latents(count, config.latent_dim, seed))
    folder = where.out or Path("runs") / "sample" / f"{run.resolve().name}-{moment}-seed{seed}"
    write_png(folder / "samples.png", grid(pixels, columns))
    write_array(folder / "samples.npy", pixels)
    files = [folder / "samples.png", folder / "samples.npy"]
    say({"count": count, "seed": seed, "folder": folder, "files": files}, where, title="Samples")


@app.command(name="interpolate")
def interpolate(
    run: Path,
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
        Folder of a finished run.
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
    generator, config = load_generator(run)
    walks = between(generator, config.latent_dim, steps, seed, classes)
    folder = where.out or Path("runs") / "interpolate" / f"{run.resolve().name}-seed{seed}"
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
