"""One game of generator against discriminator: the experiment and its loop.

    B  images      Z  latent dimensions
"""

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Generator, Tensor, nn

from palingen.adversarial.images import load_images, to_unit
from palingen.adversarial.latent import draw_images, draw_latents, grid
from palingen.adversarial.losses import LOSSES, Loss
from palingen.adversarial.networks import PAIRS
from palingen.config import check, check_types
from palingen.errors import Interrupted, RunError
from palingen.files import write_atomically
from palingen.interrupts import stop_requests
from palingen.progress import progress
from palingen.runs import Run, epoch_order, load_weights, open_run, read_config, save_weights

CHECKPOINT_EVERY = 60.0
"""Seconds between two checkpoints."""

SHOWN = 25
"""Images of a snapshot, always from the same latents."""

LOOKS = ("generator_loss", "discriminator_loss", "real_accuracy", "fake_accuracy")
"""What a record says of the steps since the one before it, averaged."""


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


def load_generator(folder: Path) -> tuple[nn.Module, GanRun]:
    """The trained generator of a finished run, and its config.

    Raises:
        RunError: there is no such run, it is not finished, or its weights are damaged.
    """
    config = read_config(folder, GanRun)
    path = folder / "weights.safetensors"
    held = load_weights(path)
    generator, _ = networks(config)
    try:
        generator.load_state_dict({name[10:]: held[name].float() if held[name].is_floating_point() else held[name]
                                   for name in held if name.startswith("generator.")})  # fmt: skip
    except RuntimeError as error:
        raise RunError(f"{path}: does not hold this run's generator ({str(error).splitlines()[0]})") from error
    return generator.eval(), config


def play(
    generator: nn.Module, discriminator: nn.Module, loss: Loss, scale: float, real: Tensor, latents: Tensor
) -> Float[Tensor, " 4"]:
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
    right = (real_logits > 0).float().mean(), (fake_logits < 0).float().mean()
    return torch.stack([generator_loss.detach(), discriminator_loss.detach(), *right])


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
    betas, fused = (config.beta1, config.beta2), device.type in ("cpu", "cuda")
    of_generator, of_discriminator = (
        torch.optim.Adam(player.parameters(), config.learning_rate, betas, fused=fused)
        for player in (generator, discriminator)
    )
    loss = LOSSES[config.loss]
    noise = Generator(device).manual_seed(config.seed)
    shown = draw_latents(SHOWN, config.latent_dim, config.seed)
    sums = torch.zeros(len(LOOKS), device=device)
    steps_an_epoch = len(images) // config.batch_size + (len(images) % config.batch_size > 1)  # BatchNorm needs two
    total = config.epochs * steps_an_epoch
    moments = {0: "start", total // 2: "middle", total: "end"}
    first, before = 0, 0.0
    stateful = {
        "generator": generator,
        "discriminator": discriminator,
        "of_generator": of_generator,
        "of_discriminator": of_discriminator,
    }
    if state := run.restore():
        for name, part in stateful.items():
            part.load_state_dict(state[name])
        first, before, sums = state["step"], state["seconds"], state["sums"].to(device)
        noise.set_state(state["noise"])

    start = saved = time.monotonic()

    def save(step: int) -> None:
        states = {name: part.state_dict() for name, part in stateful.items()}
        seconds = before + time.monotonic() - start
        run.checkpoint({**states, "step": step, "sums": sums, "seconds": seconds, "noise": noise.get_state()})

    def look(step: int) -> None:
        if step % config.save_interval == 0 or step in moments:
            _snapshot(run, generator, shown, step, moments.get(step))

    with stop_requests() as stop_asked, progress("gan", total, "steps", first) as watcher:
        look(first)
        for step in range(first, total):
            epoch, place = divmod(step, steps_an_epoch)
            if stop_asked() or time.monotonic() - saved > CHECKPOINT_EVERY:
                save(step)
                saved = time.monotonic()
            if stop_asked():
                raise Interrupted(f"stopped in epoch {epoch + 1} of {config.epochs}, saved in {run.folder}")
            if place == 0 or step == first:
                order = epoch_order(len(images), config.seed, epoch).to(device)
            real = to_unit(images[order[place * config.batch_size : (place + 1) * config.batch_size]])
            latents = torch.randn(len(real), config.latent_dim, generator=noise, device=device)
            sums += play(generator, discriminator, loss, config.discriminator_scale, real, latents)
            of_generator.step()
            of_discriminator.step()
            if (step + 1) % config.record_interval == 0 or step + 1 == total:
                looks = (sums / ((step % config.record_interval) + 1)).tolist()
                sums.zero_()
                if looks != [look for look in looks if look == look]:
                    raise RunError(f"a loss is no longer a number at step {step + 1}; try a smaller --learning-rate")
                named = dict(zip(LOOKS, looks, strict=True))
                run.record("step", step=step + 1, epoch=(step + 1) / steps_an_epoch, **named)
                watcher.advance(step + 1, **named)
            look(step + 1)

    weights = {f"generator.{name}": tensor for name, tensor in generator.state_dict().items()}
    weights |= {f"discriminator.{name}": tensor for name, tensor in discriminator.state_dict().items()}
    seconds = before + time.monotonic() - start
    return run.finish(weights, epochs=config.epochs, steps=total, seconds=seconds, seed=config.seed, **named)


def _snapshot(run: Run, generator: nn.Module, latents: Tensor, step: int, moment: str | None) -> None:
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
