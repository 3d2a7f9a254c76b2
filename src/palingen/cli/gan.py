"""`palingen gan`: train a generator and a discriminator, and generate digits."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from palingen.cli.baselines import baselines
from palingen.cli.export import export
from palingen.cli.gan_study import study
from palingen.cli.generators import LatentNorm, Run, Seed, norm_name, open_generator
from palingen.cli.help import HelpFormatter
from palingen.cli.options import (
    ENGINE,
    FIELDS,
    SEVERAL,
    OutputFlags,
    OutputOptions,
    TrainingFlags,
    TrainingOptions,
    TrustCode,
    folder_name,
    print_result,
    recipe_flag,
    recipe_values,
)
from palingen.cli.score import score
from palingen.gan.config import GanConfig
from palingen.gan.sampling.sampling_options import write_sampling_options
from palingen.gan.sampling.snapshots import SCALE, SnapshotStage
from palingen.gan.steps import EngineName
from palingen.gan.train import METRICS, train_gan
from palingen.recipes import GAN, MAX_LATENT_NORM
from palingen.runtime.distributed import init_distributed
from palingen.runtime.image_io import tile, write_array, write_png
from palingen.runtime.validation import Interval, require_integer, require_seed
from palingen.workflows.run_figures import gan_figures, interpolation_figures

CLASSES_HELP = "Classes to generate in turn, by name, for a class-conditional generator; random by default."

ENDPOINTS_HELP = "Classes of the two endpoints, by name; by default any two that are classified confidently."

COUNT, COLUMNS = 25, 5
"""Images of a sample, and of each of its rows, by default."""

STEPS = 7
"""Images between the endpoints of an interpolation by default: nine with them, as the course asks."""

MAX_COLUMNS = 1000

MAX_ENLARGED = 400
"""Most images of a grid that is enlarged for the eye."""

app = App(name="gan")
app.command(
    study,
    name="study",
    config=recipe_values(GAN),
    help_formatter=HelpFormatter(hidden=("seed",)),
)
app.command(score)
app.command(baselines)
app.command(export)


@app.command(name="train", config=recipe_values(GAN))
def train(
    *,
    recipe: Annotated[str, recipe_flag(GAN)] = "course",
    config: Annotated[GanConfig, FIELDS] = GAN["course"],
    engine: Annotated[EngineName, ENGINE] = "auto",
    devices: Annotated[int, Parameter(help="Processes of each machine that share a batch, one device each.")] = 1,
    nodes: Annotated[int, Parameter(help="Machines that share a batch; start each with torchrun.")] = 1,
    options: TrainingFlags = TrainingOptions(),
) -> None:
    """Train a generator and a discriminator; without flags, with the course's settings.

    The run folder holds 25 images from the same latents at the start, half way and the end (PNG, array and the
    generator's weights), a grid of images every --save-interval steps, both losses and the discriminator's accuracy.
    """
    folder = options.folder("gan", recipe, config)
    process_group = init_distributed(options.device, devices, nodes)
    result = train_gan(config, folder, engine=engine, process_group=process_group, **options.keywords)
    if not process_group.is_main:
        return
    if recipe in MAX_LATENT_NORM:
        write_sampling_options(folder, MAX_LATENT_NORM[recipe])
    files = [*gan_figures(folder, folder), folder / "records.jsonl", folder / "weights.safetensors"]
    names = ("epochs", "best_epoch", "seconds", "engine", *METRICS)
    record = {name: result[name] for name in names if name in result}
    print_result({**record, "folder": folder, "files": files}, options.json, title="GAN training")


@app.command(name="sample")
def sample(
    run: Run,
    /,
    *,
    count: Annotated[int, Parameter(help="Images to generate.")] = COUNT,
    seed: Seed = 0,
    classes: Annotated[tuple[str, ...] | None, SEVERAL, Parameter(help=CLASSES_HELP)] = None,
    columns: Annotated[int, Parameter(help="Images in a row of the grid.")] = COLUMNS,
    snapshot: Annotated[SnapshotStage, Parameter(help="Stage of the training.")] = "end",
    max_latent_norm: LatentNorm = "own",
    trust_code: TrustCode = False,
    output: OutputFlags = OutputOptions(),
) -> None:
    """Generate new images with a trained generator, as a PNG grid and as an array."""
    require_integer("count", count, Interval(minimum=1, maximum=100_000))
    require_integer("columns", columns, Interval(minimum=1, maximum=MAX_COLUMNS))
    require_seed(seed)
    generator = open_generator(run, snapshot, max_latent_norm, trust_code=trust_code)
    pixels = generator.pixels(count, seed, generator.labels(count, seed, classes)).numpy()
    name = folder_name(
        f"{generator.name}-{snapshot}-seed{seed}",
        images=count if count != COUNT else None,
        classes=classes and "-".join(classes),
        norm=norm_name(max_latent_norm),
        columns=columns if columns != COLUMNS else None,
    )
    folder = output.out or Path("runs") / "sample" / name
    files = [folder / "samples.png", folder / "samples.npy"]
    write_png(files[0], tile(pixels, min(columns, count), scale=SCALE if count <= MAX_ENLARGED else 1))
    write_array(files[1], pixels)
    print_result({"count": count, "seed": seed, "folder": folder, "files": files}, output.json, title="Samples")


@app.command(name="interpolate")
def interpolate(
    run: Run,
    /,
    *,
    steps: Annotated[int, Parameter(help="Images between the two endpoints.")] = STEPS,
    classes: Annotated[tuple[str, str] | None, SEVERAL, Parameter(help=ENDPOINTS_HELP)] = None,
    seed: Seed = 0,
    trust_code: TrustCode = False,
    output: OutputFlags = OutputOptions(),
) -> None:
    """Interpolate between two latents whose images a frozen classifier puts in different classes.

    Linear and spherical interpolation, with the predicted class and confidence of every image.
    """
    generator = open_generator(run, trust_code=trust_code)
    interpolations = generator.interpolate(steps, seed, classes)
    name = folder_name(
        f"{generator.name}-seed{seed}",
        steps=steps if steps != STEPS else None,
        classes=classes and "-".join(classes),
    )
    folder = output.out or Path("runs") / "interpolate" / name
    files = interpolation_figures(folder, interpolations)
    linear = interpolations["linear"]
    record = {
        "classes": [linear.labels[0], linear.labels[-1]],
        "confidences": [linear.confidences[0], linear.confidences[-1]],
        **{f"{name}_classes": interpolation.labels for name, interpolation in interpolations.items()},
        **{f"{name}_confidences": interpolation.confidences for name, interpolation in interpolations.items()},
    }
    print_result({**record, "folder": folder, "files": files}, output.json, title="Interpolation between two classes")
