"""Training of the classifiers.

B  images
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import radians
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from palingen.gan.data.dataset_info import write_info
from palingen.gan.data.datasets import MNIST_SIZE
from palingen.gan.data.mnist import LabeledImages, to_unit
from palingen.gan.data.sources import ImageData, count_classes, load_data
from palingen.gan.evaluation.classifier import Classifier, DigitClassifier, accuracy
from palingen.gan.evaluation.second_classifier import ResidualClassifier
from palingen.gan.memory_estimate import require_classifier_memory
from palingen.runtime.distributed import ProcessGroup
from palingen.runtime.errors import DataError
from palingen.runtime.numerics import configure_numerics, current_execution
from palingen.runtime.run_folder import RunFolder, open_run
from palingen.runtime.running_means import RunningMeans
from palingen.runtime.tracking.trackers import Trackers
from palingen.runtime.training_loop import BatchPlan, Stateful, TrainingLoop
from palingen.runtime.validation import COUNT, SEED, Interval, require_field, require_ranges, validate_types

LOG_INTERVAL = 50
"""Steps averaged into one record."""

MAX_EPOCH_FACTOR = 6
"""Largest factor by which a small data set gets more epochs than MNIST."""

RISING_FRACTION = 0.2
"""Fraction of the steps over which the learning rate rises."""

ARCHITECTURES: dict[str, Callable[[int], Classifier]] = {"plain": DigitClassifier, "residual": ResidualClassifier}
"""Classifiers for a number of classes, by the name of their architecture."""


RANGES = {
    "shift": Interval(minimum=0, maximum=4, too_large="digits have a margin of four pixels"),
    "rotation": Interval(minimum=0, maximum=45, too_large="a 6 becomes a 9"),
    "zoom": Interval(minimum=0, below=0.5),
    "epochs": Interval(minimum=1, maximum=10_000, too_large="the schedule and all shifts are made at the start"),
    "batch_size": COUNT,
    "learning_rate": Interval(above=0, maximum=100, too_large="about the change of a weight at each step"),
    "seed": SEED,
}
"""Valid values of each number."""


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """Train a classifier. The defaults are those of the shipped first one."""

    data: str = "mnist"
    """Training and test images: `mnist`, another data set by name, or the path of a folder or file."""

    architecture: Literal["plain", "residual"] = "plain"
    """Network: `plain` (three convolutions), `residual` (three residual blocks with BatchNorm)."""

    shift: int = 1
    """Largest random shift of a batch, horizontally and vertically, in pixels."""

    rotation: float = 0.0
    """Largest random rotation of each image, in degrees."""

    zoom: float = 0.0
    """Largest random change of each image's width and of its height, as a fraction."""

    half_precision: bool = False
    """Round the trained weights to half precision, for a file of half the size."""

    epochs: int = 5
    """Passes over the training images."""

    batch_size: int = 128
    """Images a step."""

    learning_rate: float = 2e-3
    """Adam's largest learning rate; it rises for a fifth of the steps, then falls to zero."""

    seed: int = 0
    """Seed of weights, shifts and order."""

    def __post_init__(self) -> None:
        validate_types(self)
        require_ranges(self, RANGES)
        require_field(self, "data", self.data.isprintable(), "must be printable text")


def train_classifier(
    config: ClassifierConfig,
    folder: Path,
    device: torch.device,
    *,
    force: bool = False,
    allow_engine_change: bool = False,
    trackers: Trackers = (),
) -> dict[str, Any]:
    """Train in a run folder, or resume the run that is there; return its result record.

    Args:
        config: the experiment.
        folder: run folder; may be missing, or hold the same run.
        device: where to train.
        force: delete what the folder holds.
        allow_engine_change: resume even if threads or device differ, which no longer resumes exactly.
        trackers: `tensorboard`, `wandb`, `mlflow`: logs of the run beside its own records.

    Raises:
        ConfigError: a tracker is not installed.
        DataError: the images are missing or damaged, or have no classes.
        RunError: the folder holds something else.
        Interrupted: Ctrl-C; everything is saved.
    """
    is_finished = (folder / "weights.safetensors").exists() and not force
    data = None if is_finished else _require_trainable(config, device)
    configure_numerics()
    with open_run(folder, config, force=force, trackers=trackers) as run:
        if data is None or run.finished:
            return run.result
        run.set_execution(current_execution("autograd", device), allow_change=allow_engine_change)
        return _train(config, run, data, ProcessGroup(device))


def scale_epochs(config: ClassifierConfig, dataset_size: int) -> ClassifierConfig:
    """Config with more epochs for a data set that is smaller than MNIST, so that it takes as many steps."""
    factor = min(max(1, MNIST_SIZE // dataset_size), MAX_EPOCH_FACTOR)
    return replace(config, epochs=config.epochs * factor)


def _require_trainable(config: ClassifierConfig, device: torch.device) -> ImageData:
    """Images of a training, after all checks of it: before a folder is made or emptied."""
    if count_classes(config.data) < 2:
        rule = "has no classes for a classifier to learn; put the images into one subfolder for each class"
        raise DataError(f"{config.data}: {rule}")
    data = load_data(config.data)
    require_classifier_memory(config.batch_size, len(data.train), _plan(config, data).total_steps, device)
    return data


def _plan(config: ClassifierConfig, data: ImageData) -> BatchPlan:
    size = len(data.train)
    return BatchPlan(dataset_size=size, batch_size=config.batch_size, epochs=config.epochs, seed=config.seed)


def _train(config: ClassifierConfig, run: RunFolder, data: ImageData, process_group: ProcessGroup) -> dict[str, Any]:
    images, test = data.train, data.test
    write_info(run.folder, data.info)
    plan = _plan(config, data)
    torch.manual_seed(config.seed)
    classifier = ARCHITECTURES[config.architecture](data.info.num_classes).to(process_group.device)
    optimizer = torch.optim.Adam(classifier.parameters(), config.learning_rate)
    schedule = _one_cycle(optimizer, config.learning_rate, plan.total_steps)
    means = RunningMeans("loss", process_group=process_group)
    state: dict[str, Stateful] = {
        "classifier": classifier,
        "optimizer": optimizer,
        "schedule": schedule,
        "means": means,
    }
    loop = TrainingLoop(run, "classifier", plan, state, process_group)
    loop.resume()
    batch_of = _shifted_batches(config, images, plan.total_steps, process_group.device)
    for batch in loop:
        inputs, labels = batch_of(batch.indices, batch.step)
        loss = cross_entropy(classifier(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        means.add(loss, weight=len(labels))
        if batch.step % LOG_INTERVAL == 0 or batch.step == plan.total_steps:
            averages = loop.averages(means, batch)
            run.log("step", step=batch.step, epoch=batch.step / plan.steps_per_epoch, **averages)
            loop.report(batch, **averages)
    if config.half_precision:
        classifier.half().float()  # the accuracy is that of the rounded weights
    result = {"accuracy": accuracy(classifier.eval(), test), "epochs": config.epochs, "seed": config.seed}
    weights = (classifier.half() if config.half_precision else classifier).state_dict()
    return run.finalize(weights, **result, seconds=loop.seconds)


def _one_cycle(optimizer: torch.optim.Optimizer, max_rate: float, steps: int) -> torch.optim.lr_scheduler.OneCycleLR:
    """Learning rate that rises for a fifth of the steps, or two of five, then falls to zero."""
    rising = 2 * RISING_FRACTION if RISING_FRACTION * steps == 1 else RISING_FRACTION  # torch divides by its length - 1
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_rate, steps, pct_start=rising)


def _shifted_batches(config: ClassifierConfig, images: LabeledImages, steps: int, device: torch.device) -> Any:
    """Function from a batch's indices and step to its images, shifted, turned and resized, and labels."""
    pixels, labels = images.pixels.unsqueeze(1).to(device), images.labels.to(device)
    generator = Generator().manual_seed(config.seed)
    shifts = torch.randint(-config.shift, config.shift + 1, (steps, 2), generator=generator)

    def batch_of(indices: torch.Tensor, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        shifted = pixels[indices].roll(shifts[step - 1].tolist(), (2, 3))  # digits have a margin of four pixels
        inputs = to_unit(shifted)
        if config.rotation or config.zoom:
            inputs = _turn_and_zoom(inputs, config, Generator().manual_seed(1_000_003 * (config.seed + 1) + step))
        return inputs, labels[indices]

    return batch_of


def _turn_and_zoom(
    images: Float[Tensor, "B 1 28 28"], config: ClassifierConfig, generator: Generator
) -> Float[Tensor, "B 1 28 28"]:
    """Each image rotated, and its width and height changed, by random amounts up to those of the config."""
    uniform = 2 * torch.rand(3, len(images), generator=generator) - 1  # [3, B], in [-1, 1]
    angle, (width, height) = radians(config.rotation) * uniform[0], 1 + config.zoom * uniform[1:]
    zero = torch.zeros_like(angle)
    rows = [[angle.cos() * width, -angle.sin() * height, zero], [angle.sin() * width, angle.cos() * height, zero]]
    transform = torch.stack([torch.stack(row, 1) for row in rows], 1).to(images.device)  # [B, 2, 3]
    grid = affine_grid(transform, list(images.shape), align_corners=False)
    return grid_sample(images + 1, grid, align_corners=False) - 1  # so that zero padding is black
