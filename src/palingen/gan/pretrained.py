"""Trained generators, from a run folder or shipped with the package.

B  images      Z  latent dimensions      K  classes
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import index
from pathlib import Path

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Generator, Tensor, nn

from palingen.gan.config import GanConfig, build_networks, count_generator_classes
from palingen.gan.data.dataset_info import DatasetInfo, read_info
from palingen.gan.data.mnist import IMAGE_SIZE
from palingen.gan.evaluation.classifier_store import require_classifier
from palingen.gan.sampling.interpolation import Interpolation, interpolate
from palingen.gan.sampling.latents import append_one_hot, clip_norm, generate, generate_pixels, sample_latents
from palingen.gan.sampling.sampling_options import read_max_latent_norm
from palingen.gan.sampling.snapshots import SnapshotStage
from palingen.runtime.config_io import parse_config
from palingen.runtime.errors import PalingenError, RunError
from palingen.runtime.global_random_state import kept_random_state
from palingen.runtime.kept_code import trust_kept_code
from palingen.runtime.memory import Need, require_memory
from palingen.runtime.paths import PRETRAINED_DIR, PRETRAINED_PREFIX
from palingen.runtime.run_files import read_config, require_same_config
from palingen.runtime.safetensors_header import load_metadata
from palingen.runtime.safetensors_io import load_state, load_weights
from palingen.runtime.validation import Interval, require, require_integer, require_seed, unknown_choice

LATENT_NORM = Interval(above=0, maximum=1000, too_large="no latent is as long")
"""Valid maximum latent norms, in units of sqrt(Z)."""

Class = int | str
"""Class by its number, from 0, or by its name."""


@dataclass(frozen=True)
class PretrainedGenerator:
    """Trained generator with its config and sampling options. Made by `load_generator`."""

    name: str
    generator: nn.Module
    config: GanConfig
    folder: Path
    """Folder of its weights and scores."""

    max_latent_norm: float | None = None
    """Maximum latent norm when sampling, in units of sqrt(Z); None samples from the whole distribution."""

    @cached_property
    def info(self) -> DatasetInfo:
        """Identity of the data set that it was trained on.

        Raises:
            DataError: its file in the run folder is damaged.
        """
        return read_info(self.folder)

    @property
    def num_classes(self) -> int:
        """Number of classes K that it is conditioned on; 0 if it is unconditional."""
        return count_generator_classes(self.generator)

    def sample(
        self, count: int, seed: int = 0, classes: Class | Sequence[Class] | None = None
    ) -> Float[Tensor, "B channels 28 28"]:
        """New images, grey levels from 0 to 1.

        Args:
            count: number of images.
            seed: seed of the latents, and of the classes if they are not given.
            classes: for a class-conditional generator, one class, or several to take in turn, by number or name; by
                default random, as frequent as among the training images.

        Raises:
            PalingenError: the classes are invalid, or the generator is unconditional.
        """
        return (generate(self.generator, self.inputs(count, seed, self.labels(count, seed, classes))) + 1) / 2

    def interpolate(
        self, steps: int = 7, seed: int = 0, classes: tuple[Class, Class] | None = None
    ) -> dict[str, Interpolation]:
        """Linear and spherical interpolation between two images of different classes.

        Args:
            steps: images between the two endpoints, so there are two more images.
            seed: seed of the latents among which the endpoints are selected.
            classes: the two classes, by number or name; any two that the classifier is confident of by default.

        Raises:
            PalingenError: the generator makes no such images, or makes three digits at once, or there is no classifier
                for its data set.
        """
        require_integer("steps", steps, Interval(minimum=1, maximum=50))
        require_seed(seed)
        endpoints = None
        if classes is not None:
            rule = "must be two different digits" if self.info.is_mnist else ""
            positions = self._positions(classes, rule)
            require(
                "classes", classes, len({*positions}) == len(positions) == 2, rule or "must be two different classes"
            )
            endpoints = positions[0], positions[1]
        if self.config.channels != 1:
            raise PalingenError(f"{self.name}: makes three digits at once; interpolation needs single digits")
        return interpolate(
            self.generator,
            self.config.latent_dim,
            require_classifier(self.info).probabilities,
            steps=steps,
            seed=seed,
            classes=endpoints,
            class_names=self.info.class_names,
        )

    def pixels(self, count: int, seed: int, labels: Int64[Tensor, " B"] | None) -> UInt8[Tensor, "B 28 width"]:
        """New images, grey levels 0 to 255, several channels side by side."""
        return generate_pixels(self.generator, self.inputs(count, seed, labels))

    def inputs(self, count: int, seed: int, labels: Int64[Tensor, " B"] | None) -> Float[Tensor, "B Z_and_K"]:
        """Generator inputs: latents of at most the maximum norm, and one-hot classes if there are labels."""
        latents = sample_latents(count, self.config.latent_dim, seed)
        if self.max_latent_norm is not None:
            latents = clip_norm(latents, self.max_latent_norm)
        return append_one_hot(latents, labels, self.num_classes)

    def _need(self, count: int) -> Need:
        """Memory of sampling: three copies of the images, and their latents."""
        floats = 3 * self.config.channels * IMAGE_SIZE**2 + 2 * (self.config.latent_dim + self.num_classes)
        return Need("the images", 4 * count * floats, "count")

    def with_max_latent_norm(self, max_latent_norm: float | None) -> "PretrainedGenerator":
        """Copy of this generator with another maximum latent norm."""
        if max_latent_norm is not None and (rule := LATENT_NORM.broken_rule(max_latent_norm)):
            require("max_latent_norm", max_latent_norm, False, rule)
        return replace(self, max_latent_norm=max_latent_norm)

    def labels(
        self, count: int, seed: int, classes: Class | Sequence[Class] | None = None
    ) -> Int64[Tensor, " B"] | None:
        """Class of each image to sample; None for an unconditional generator."""
        require_integer("count", count)
        require_seed(seed)
        require_memory("sampling", self._need(count))
        if not self.config.conditional:
            require("classes", classes, classes is None, f"{self.name} is not class-conditional")
            return None
        if classes is None:
            frequencies: Tensor = self.generator.get_buffer("class_frequencies").cpu()
            return torch.multinomial(frequencies, count, replacement=True, generator=Generator().manual_seed(seed))
        chosen = [classes] if isinstance(classes, int | str) else classes
        positions = self._positions(chosen, "must be digits from 0 to 9" if self.info.is_mnist else "")
        return torch.tensor(positions)[torch.arange(count) % len(positions)]

    def _positions(self, classes: Sequence[Class], rule: str) -> list[int]:
        """Positions of classes that are given by number or name.

        Raises:
            ConfigError: there is none, or one of them is unknown.
        """
        names = self.info.class_names
        positions = [names.index(name) if name in names else _as_number(name) for name in classes]
        rule = rule or f"must be names of classes ({', '.join(names)}), or numbers from 0 to {len(names) - 1}"
        valid = [not isinstance(value, str) and 0 <= index(value) < len(names) for value in positions]
        require("classes", classes, bool(positions) and all(valid), rule)
        return [index(value) for value in positions if not isinstance(value, str)]


def _as_number(name: Class) -> Class:
    """Number of a class that is given as text of digits; anything else unchanged."""
    return int(name) if isinstance(name, str) and name.isdecimal() and len(name) < 10 else name


def shipped_generators() -> list[str]:
    """Names of the shipped generators."""
    return sorted(path.parent.name for path in PRETRAINED_DIR.glob("*/end.safetensors"))


def load_generator(
    run: str | Path, snapshot: SnapshotStage = "end", *, trust_code: bool = False
) -> PretrainedGenerator:
    """Trained generator.

    Args:
        run: name of a shipped generator, with or without `pretrained:` before it, or a run folder.
        snapshot: stage of the training.
        trust_code: execute the code that the run keeps, if its architecture is not one of the package's.

    Raises:
        PalingenError: there is no such generator, its files are damaged, or its code is not trusted.
    """
    name = str(run).removeprefix(PRETRAINED_PREFIX)
    shipped = shipped_generators()
    if name in shipped and isinstance(run, str):
        folder = PRETRAINED_DIR / name
        path = folder / f"{snapshot}.safetensors"
        config = parse_config(load_metadata(path), GanConfig, path)
    elif str(run).startswith(PRETRAINED_PREFIX):
        raise PalingenError(f"{run}: {unknown_choice(name, shipped)}")
    elif isinstance(run, str) and name == Path(name).name and not Path(name).exists():
        raise PalingenError(f"{name!r} is neither a run folder nor a shipped generator ({', '.join(shipped)})")
    else:
        folder = Path(run)
        path, name, config = folder / f"{snapshot}.safetensors", folder.resolve().name, read_config(folder, GanConfig)
        require_same_config(config, path)
        config = trust_kept_code(config, folder, "architecture", trust_code=trust_code)
    num_classes = len(load_weights(path).get("class_frequencies", ()))  # the data may be gone
    if config.conditional and not num_classes:
        raise RunError(f"{path}: not the weights of this network (class_frequencies are missing)")
    with kept_random_state():
        generator, _ = build_networks(config, num_classes)
    load_state(generator, path)
    return PretrainedGenerator(name, generator.eval(), config, folder, read_max_latent_norm(folder))
