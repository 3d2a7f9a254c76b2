"""The judge: a small convolutional classifier of digits, trained once, then frozen.

B  images      F = 128  features      K = 10  classes
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, max_pool2d, relu

from palingen.adversarial.images import Images, load_images, to_unit
from palingen.config import check, check_types
from palingen.errors import RunError
from palingen.loop import Loop, Means
from palingen.runs import Run, open_run
from palingen.weights import load_weights

CLASSES = 10

RECORD_INTERVAL = 50
"""Steps averaged into one record."""

SHIPPED = Path(str(files("palingen"))) / "pretrained" / "judge.safetensors"
"""Made by `palingen judge train`; its config is in the file's metadata."""


@dataclass(frozen=True, kw_only=True)
class JudgeRun:
    """Train the judge."""

    data: str = "mnist"
    """`mnist`, or a folder of four IDX files with the same names."""

    epochs: int = 5
    """Passes over the training images."""

    batch_size: int = 128
    """Images a step."""

    learning_rate: float = 2e-3
    """Adam's largest step size; it rises for a fifth of the steps, then falls to zero."""

    shift: int = 1
    """Each batch moves by up to this many pixels, left or right and up or down."""

    seed: int = 0
    """Seed of the weights, the shifts and the order."""

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("epochs", "batch_size"):
            check(self, name, getattr(self, name) >= 1, "at least 1")
        check(self, "learning_rate", self.learning_rate > 0, "above 0")
        check(self, "shift", 0 <= self.shift <= 4, "between 0 and 4")
        check(self, "seed", 0 <= self.seed < 2**31, "between 0 and 2147483647")


@dataclass(frozen=True)
class Look:
    """What the judge sees in some images."""

    features: Float[Tensor, "B 128"]
    probabilities: Float[Tensor, "B 10"]

    def of(self, chosen: Int64[Tensor, " b"]) -> "Look":
        """The same of some of them."""
        return Look(self.features[chosen], self.probabilities[chosen])


class Judge(nn.Module):
    """Three convolutions and two linear layers, 0.44 million weights."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 24, 5, stride=2, padding=2)
        self.second = nn.Conv2d(24, 48, 3, padding=1)
        self.third = nn.Conv2d(48, 64, 3, padding=1)
        self.fourth = nn.Linear(64 * 7 * 7, 128)
        self.readout = nn.Linear(128, CLASSES)

    def features(self, images: Float[Tensor, "B 1 28 28"]) -> Float[Tensor, "B 128"]:
        """The penultimate layer, for images in -1 to 1."""
        hidden = relu(self.first(images))  # [B, 24, 14, 14]
        hidden = max_pool2d(relu(self.second(hidden)), 2)  # [B, 48, 7, 7]
        hidden = relu(self.third(hidden))  # [B, 64, 7, 7]
        return relu(self.fourth(hidden.flatten(1)))

    def forward(self, images: Float[Tensor, "B 1 28 28"]) -> Float[Tensor, "B 10"]:
        """Logits of the ten classes, for images in -1 to 1."""
        return self.readout(self.features(images))

    @torch.no_grad()
    def look(self, pixels: UInt8[Tensor, "B 28 28"]) -> Look:
        """Features and probabilities at once, for grey levels."""
        device = self.readout.weight.device
        parts = [self.features(to_unit(part.unsqueeze(1).to(device))) for part in pixels.split(500)]
        features = torch.cat(parts)
        return Look(features.cpu(), self.readout(features).softmax(1).cpu())

    def probabilities(self, pixels: UInt8[Tensor, "B 28 28"]) -> Float[Tensor, "B 10"]:
        """How likely the judge holds each class to be, for grey levels."""
        return self.look(pixels).probabilities


def load_judge(path: Path = SHIPPED) -> Judge:
    """The frozen judge, by default the one that is shipped.

    Raises:
        RunError: the file is missing, damaged or another network's.
    """
    judge = Judge()
    try:
        judge.load_state_dict(load_weights(path))
    except RuntimeError as error:
        raise RunError(f"{path}: does not hold a judge ({str(error).splitlines()[0]})") from error
    judge.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster; torch's own stub omits it
    return judge.eval().requires_grad_(False)


def train(config: JudgeRun, folder: Path, device: torch.device, *, force: bool = False) -> dict[str, Any]:
    """Train in `folder`, or go on where it stopped; the result record of the finished run.

    Raises:
        DataError: the images are missing or damaged.
        RunError: the folder is not this run's.
        Interrupted: Ctrl-C; everything is saved.
    """
    with open_run(folder, config, force=force) as run:
        return run.result if run.finished else _train(config, run, device)


def _train(config: JudgeRun, run: Run, device: torch.device) -> dict[str, Any]:
    training, test = load_images("train", config.data), load_images("t10k", config.data)
    pixels, labels = training.pixels.unsqueeze(1).to(device), training.labels.to(device)
    torch.manual_seed(config.seed)
    judge = Judge().to(device)
    optimizer = torch.optim.Adam(judge.parameters(), config.learning_rate)
    means = Means("loss", device=device)
    steps = config.epochs * -(-len(training) // config.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, steps, pct_start=0.2)
    moves = torch.randint(-config.shift, config.shift + 1, (steps, 2), generator=Generator().manual_seed(config.seed))
    loop = Loop(
        run,
        "judge",
        examples=len(training),
        batch_size=config.batch_size,
        epochs=config.epochs,
        seed=config.seed,
        device=device,
        parts={"judge": judge, "optimizer": optimizer, "schedule": schedule, "means": means},
    )
    for batch in loop:
        move = moves[batch.step - 1].tolist()
        images = pixels[batch.examples].roll(move, (2, 3))  # digits have a blank margin of four pixels
        loss = cross_entropy(judge(to_unit(images)), labels[batch.examples])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        means.add(loss, weight=len(images))
        if batch.step % RECORD_INTERVAL == 0 or batch.step == loop.total:
            looks = means.take()
            run.record("step", step=batch.step, epoch=batch.step / loop.steps_an_epoch, **looks)
            loop.show(batch, **looks)

    accuracy = accuracy_of(judge, test)
    return run.finish(
        judge.state_dict(), accuracy=accuracy, epochs=config.epochs, seed=config.seed, seconds=loop.seconds
    )


def accuracy_of(judge: Judge, images: Images) -> float:
    """The share of `images` that the judge puts in their class."""
    return (judge.probabilities(images.pixels).argmax(1) == images.labels).double().mean().item()
