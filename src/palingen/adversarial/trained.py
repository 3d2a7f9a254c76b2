"""A trained generator, from a run folder or shipped with the package, ready to draw.

B  images      Z  latent dimensions      K  classes
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Self

import torch
from jaxtyping import Float, Int64, UInt8
from safetensors import SafetensorError, safe_open
from torch import Generator, Tensor, nn

from palingen.adversarial.experiment import GanRun, networks
from palingen.adversarial.latent import draw, draw_images, draw_latents, truncate, with_classes
from palingen.adversarial.snapshots import Moment
from palingen.config import check_value, unknown
from palingen.errors import PalingenError, RunError
from palingen.runs import read_config
from palingen.weights import load_weights

SHIPPED = Path(str(files("palingen"))) / "pretrained"

PREFIX = "pretrained:"


@dataclass(frozen=True)
class Trained:
    """A generator and the experiment it comes from."""

    name: str
    """What it was called by."""

    generator: nn.Module
    config: GanRun

    def sample(
        self, count: int, seed: int = 0, classes: int | Sequence[int] | None = None
    ) -> Float[Tensor, "B channels 28 28"]:
        """New images, grey levels from 0 to 1.

        Args:
            count: how many.
            seed: of the latents, and of the classes if they are not given.
            classes: for a class-conditional generator, the digits to draw in turn, or one; by default at random, as
                often as they occur among the training images.

        Raises:
            PalingenError: classes are asked for that it does not know, or the generator is not class-conditional.
        """
        return (draw(self.generator, self.inputs(count, seed, self.labels(count, seed, classes))) + 1) / 2

    def pixels(self, count: int, seed: int, labels: Int64[Tensor, " B"] | None) -> UInt8[Tensor, "B 28 width"]:
        """The same as grey levels from 0 to 255, channels side by side."""
        return draw_images(self.generator, self.inputs(count, seed, labels))

    def inputs(self, count: int, seed: int, labels: Int64[Tensor, " B"] | None) -> Float[Tensor, "B _"]:
        """Latents, and classes if there are any, as the generator reads them."""
        latents = draw_latents(count, self.config.latent_dim, seed)
        if self.config.truncation:
            latents = truncate(latents, self.config.truncation)
        return with_classes(latents, labels, self.config.classes)

    def truncated(self, share: float | None) -> Self:
        """The same with another `GanRun.truncation`; None keeps its own."""
        return self if share is None else replace(self, config=replace(self.config, truncation=share))

    def labels(self, count: int, seed: int, classes: int | Sequence[int] | None = None) -> Int64[Tensor, " B"] | None:
        """The classes to draw; None for a generator that does not ask."""
        check_value("count", count, count >= 1, "at least 1")
        check_value("seed", seed, seed >= 0, "at least 0")
        if not self.config.conditional:
            if classes is not None:
                raise PalingenError(f"classes: {self.name} is not class-conditional, it draws what it likes")
            return None
        if classes is None:
            shares: Tensor = self.generator.get_buffer("class_shares").cpu()
            return torch.multinomial(shares, count, replacement=True, generator=Generator().manual_seed(seed))
        wanted = [classes] if isinstance(classes, int) else list(classes)
        fit = bool(wanted) and all(0 <= digit < self.config.classes for digit in wanted)
        check_value("classes", classes, fit, f"digits from 0 to {self.config.classes - 1}")
        return torch.tensor(wanted)[torch.arange(count) % len(wanted)]


def load(run: str | Path, moment: Moment = "end") -> Trained:
    """A generator by its name or its run folder.

    Args:
        run: the name of a shipped generator, with or without `pretrained:` before it, or the folder of a run.
        moment: of its training, as far as it was kept.

    Raises:
        PalingenError: there is no such generator, or its file is damaged.
    """
    name = str(run).removeprefix(PREFIX)
    shipped = sorted(folder.name for folder in SHIPPED.iterdir() if folder.is_dir())
    if name in shipped and isinstance(run, str):
        path = SHIPPED / name / f"{moment}.safetensors"
        return Trained(name, *_read(path, _config(path)))
    if str(run).startswith(PREFIX):
        raise PalingenError(f"{run}: {unknown(name, shipped)}")
    if isinstance(run, str) and name == Path(name).name and not Path(name).exists():
        raise PalingenError(f"{name!r} is neither a run folder nor shipped (shipped are: {', '.join(shipped)})")
    return Trained(Path(run).resolve().name, *load_generator(Path(run), moment))


def load_generator(folder: Path, moment: Moment = "end") -> tuple[nn.Module, GanRun]:
    """The generator of a run as it was at a moment, and the run's config.

    Raises:
        RunError: there is no such run, it has not come so far, or its weights are damaged.
    """
    return _read(folder / f"{moment}.safetensors", read_config(folder, GanRun))


def _read(path: Path, config: GanRun) -> tuple[nn.Module, GanRun]:
    generator, _ = networks(config)
    try:
        generator.load_state_dict(load_weights(path))  # copies, so half-precision weights become single ones
    except RuntimeError as error:
        raise RunError(f"{path}: does not hold this run's generator ({str(error).splitlines()[0]})") from error
    return generator.eval(), config


def _config(path: Path) -> GanRun:
    try:
        with safe_open(path, framework="pt") as file:
            values = json.loads(file.metadata()["config"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path}: missing or damaged ({error})") from error
    values.pop("kind")
    return GanRun(**values)
