"""One game of generator against discriminator: the experiment and its loop.

B  images      Z  latent dimensions
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image
from torch import Tensor, nn

from palingen.adversarial.images import load_images, to_unit
from palingen.adversarial.latent import draw_images, draw_latents, grid
from palingen.adversarial.losses import LOSSES, Loss, Scalar
from palingen.adversarial.networks import PAIRS
from palingen.config import check, check_types
from palingen.errors import RunError
from palingen.files import write_atomically
from palingen.loop import Loop, Means, Noise
from palingen.runs import Run, load_weights, open_run, read_config, save_weights

SHOWN = 25
"""Images of a snapshot, always from the same latents."""

LOOKS = ("generator_loss", "discriminator_loss", "real_accuracy", "fake_accuracy")
"""What a record says of the steps since the one before it, averaged."""


Moment = Literal["start", "middle", "end"]
"""When a run keeps its generator and 25 of its images."""


@dataclass(frozen=True, kw_only=True)
class GanRun:
    """Train a generator and a discriminator against each other. The defaults are the course's."""

    pair: Literal["mlp"] = "mlp"
    """Networks: `mlp`, the course's fully connected pair."""

    loss: Literal["minimax", "non-saturating"] = "non-saturating"
    """The generator's side of the game: `non-saturating` is binary cross-entropy against the label "real"."""

    data: str = "mnist"
    """`mnist`, or a folder of four IDX files with the same names."""

    latent_dim: int = 100
    """Z, dimensions of the standard normal noise."""

    batch_size: int = 64
    """Real images a step, and as many generated ones."""

    epochs: int = 200
    """Passes over the training images."""

    learning_rate: float = 2e-4
    """Adam's step size, for both networks."""

    beta1: float = 0.9
    """Adam's smoothing of the gradient."""

    beta2: float = 0.999
    """Adam's smoothing of the squared gradient."""

    batchnorm_eps: float = 1e-5
    """What BatchNorm adds to the variance. The widely copied script passes 0.8 in this place."""

    discriminator_scale: float = 1.0
    """Factor of the discriminator's loss, real plus fake."""

    save_interval: int = 500
    """Steps between two grids of images."""

    record_interval: int = 100
    """Steps averaged into one record."""

    seed: int = 0
    """Seed of the weights, the noise and the order."""

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("latent_dim", "epochs", "save_interval", "record_interval"):
            check(self, name, getattr(self, name) >= 1, "at least 1")
        for name in ("learning_rate", "batchnorm_eps", "discriminator_scale"):
            check(self, name, getattr(self, name) > 0, "above 0")
        for name in ("beta1", "beta2"):
            check(self, name, 0 <= getattr(self, name) < 1, "at least 0 and below 1")
        check(self, "batch_size", self.batch_size >= 2, "at least 2 (BatchNorm needs two images)")
        check(self, "seed", 0 <= self.seed < 2**31, "between 0 and 2147483647")


def networks(config: GanRun) -> tuple[nn.Module, nn.Module]:
    """The untrained generator and discriminator of an experiment; its seed decides the weights."""
    torch.manual_seed(config.seed)
    return PAIRS[config.pair](config.latent_dim, config.batchnorm_eps)


def load_generator(folder: Path, moment: Moment = "end") -> tuple[nn.Module, GanRun]:
    """The generator of a run as it was at a moment, and the run's config.

    Raises:
        RunError: there is no such run, it has not come so far, or its weights are damaged.
    """
    config = read_config(folder, GanRun)
    path = folder / f"{moment}.safetensors"
    generator, _ = networks(config)
    try:
        generator.load_state_dict(load_weights(path))  # copies, so half-precision weights become single ones
    except RuntimeError as error:
        raise RunError(f"{path}: does not hold this run's generator ({str(error).splitlines()[0]})") from error
    return generator.eval(), config


def play(
    generator: nn.Module, discriminator: nn.Module, loss: Loss, scale: float, real: Tensor, latents: Tensor
) -> tuple[Scalar, Scalar, Scalar, Scalar]:
    """Leave each player's gradient in its `.grad`; the step's `LOOKS`.

    The generator's step would come first and the discriminator's second, but neither changes what the other looks at:
    the discriminator still judges the images made before the generator moved. So one pass over real and fake serves
    both. (A discriminator with BatchNorm would mix the two halves and must not be used here.)
    """
    fake = generator(latents)
    real_logits, fake_logits = discriminator(torch.cat([real, fake])).tensor_split(2)
    generator_loss = loss.generator(fake_logits)
    discriminator_loss = scale * loss.discriminator(real_logits, fake_logits)
    _leave(generator_loss, generator, retain_graph=True)
    _leave(discriminator_loss, discriminator)
    return generator_loss, discriminator_loss, (real_logits > 0).float().mean(), (fake_logits < 0).float().mean()


def _leave(loss: Tensor, player: nn.Module, retain_graph: bool = False) -> None:
    weights = list(player.parameters())
    for weight, gradient in zip(weights, torch.autograd.grad(loss, weights, retain_graph=retain_graph), strict=True):
        weight.grad = gradient


def train(config: GanRun, folder: Path, device: torch.device, *, force: bool = False) -> dict[str, Any]:
    """Train in `folder`, or go on where it stopped; the result record of the finished run.

    Raises:
        DataError: the images are missing or damaged.
        RunError: the folder is not this run's, or a loss is no longer a number.
        Interrupted: Ctrl-C; everything is saved.
    """
    with open_run(folder, config, force=force) as run:
        return run.result if run.finished else _train(config, run, device)


def _train(config: GanRun, run: Run, device: torch.device) -> dict[str, Any]:
    images = load_images("train", config.data).pixels.unsqueeze(1).to(device)
    generator, discriminator = (network.to(device) for network in networks(config))
    of_generator, of_discriminator = _optimizer(generator, config), _optimizer(discriminator, config)
    loss = LOSSES[config.loss]
    noise = Noise(config.seed, device)
    means = Means(*LOOKS, device=device)
    shown = draw_latents(SHOWN, config.latent_dim, config.seed)
    loop = Loop(
        run,
        "gan",
        examples=len(images),
        batch_size=config.batch_size,
        epochs=config.epochs,
        seed=config.seed,
        device=device,
        smallest=2,  # BatchNorm needs two images
        parts={
            "generator": generator,
            "discriminator": discriminator,
            "of_generator": of_generator,
            "of_discriminator": of_discriminator,
            "noise": noise,
            "means": means,
        },
    )
    moments: dict[int, Moment] = {0: "start", loop.total // 2: "middle", loop.total: "end"}
    if loop.first == 0:
        _snapshot(run, generator, shown, 0, "start")
    for batch in loop:
        real = to_unit(images[batch.examples])
        latents = noise.draw(len(real), config.latent_dim)
        means.add(*play(generator, discriminator, loss, config.discriminator_scale, real, latents))
        of_generator.step()
        of_discriminator.step()
        if batch.step % config.record_interval == 0 or batch.step == loop.total:
            looks = means.take()
            run.record("step", step=batch.step, epoch=batch.step / loop.steps_an_epoch, **looks)
            loop.show(batch, told_real=looks["real_accuracy"], told_fake=looks["fake_accuracy"])
        if batch.step % config.save_interval == 0 or batch.step in moments:
            _snapshot(run, generator, shown, batch.step, moments.get(batch.step))

    weights = {f"generator.{name}": tensor for name, tensor in generator.state_dict().items()}
    weights |= {f"discriminator.{name}": tensor for name, tensor in discriminator.state_dict().items()}
    return run.finish(weights, epochs=config.epochs, steps=loop.total, seed=config.seed, seconds=loop.seconds, **looks)


def _optimizer(player: nn.Module, config: GanRun) -> torch.optim.Adam:
    betas = (config.beta1, config.beta2)
    return torch.optim.Adam(player.parameters(), config.learning_rate, betas, fused=True)


def read_moments(folder: Path) -> dict[str, UInt8[ndarray, "25 28 28"]]:
    """The images of the start, the middle and the end, as the run left them."""
    return {moment: np.load(folder / f"{moment}.npy") for moment in get_args(Moment)}


def _snapshot(run: Run, generator: nn.Module, latents: Tensor, step: int, moment: Moment | None) -> None:
    pixels = draw_images(generator, latents)
    write_png(run.folder / "snapshots" / f"step-{step:07d}.png", grid(pixels, columns=5))
    if moment:
        write_png(run.folder / f"{moment}.png", grid(pixels, columns=5))
        write_array(run.folder / f"{moment}.npy", pixels)
        save_weights(run.folder / f"{moment}.safetensors", generator.state_dict(), run.config)


def write_png(path: Path, pixels: Tensor) -> None:
    """Write grey levels as a PNG, atomically."""
    buffer = io.BytesIO()
    Image.fromarray(pixels.numpy()).save(buffer, format="png")
    write_atomically(path, buffer.getvalue())


def write_array(path: Path, pixels: Tensor) -> None:
    """Write a tensor as a NumPy array, atomically."""
    buffer = io.BytesIO()
    np.save(buffer, pixels.numpy())
    write_atomically(path, buffer.getvalue())
