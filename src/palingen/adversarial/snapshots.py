"""What a run keeps to be looked at: grids, arrays, generators of three moments."""

import io
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image
from torch import Tensor, nn

from palingen.adversarial.latent import draw_images, grid
from palingen.files import write_atomically
from palingen.runs import Run
from palingen.weights import save_weights

Moment = Literal["start", "middle", "end"]
"""When a run keeps its generator and 25 of its images."""


def keep(run: Run, generator: nn.Module, inputs: Tensor, step: int, moment: Moment | None) -> None:
    """Draw the images of `inputs` as a grid; at a moment also as an array, with the generator's weights."""
    pixels = draw_images(generator, inputs)
    write_png(run.folder / "snapshots" / f"step-{step:07d}.png", grid(pixels, columns=5))
    if moment:
        write_png(run.folder / f"{moment}.png", grid(pixels, columns=5))
        write_array(run.folder / f"{moment}.npy", pixels)
        save_weights(run.folder / f"{moment}.safetensors", generator.state_dict(), run.config)


def read_moments(folder: Path) -> dict[str, UInt8[ndarray, "25 28 width"]]:
    """The images of the start, the middle and the end, as the run left them."""
    return {moment: np.load(folder / f"{moment}.npy") for moment in get_args(Moment)}


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
