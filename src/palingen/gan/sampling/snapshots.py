"""Snapshots of a generator during training: grids of images, arrays, and weights at the start, half way and the end."""

from pathlib import Path
from typing import Literal, get_args

from jaxtyping import UInt8
from numpy import ndarray
from torch import Tensor, nn

from palingen.gan.config import GanConfig
from palingen.gan.data.mnist import IMAGE_SIZE
from palingen.gan.sampling.latents import generate_pixels, sample_inputs
from palingen.runtime.image_io import read_pixels, tile, write_array, write_png
from palingen.runtime.run_files import snapshot_path
from palingen.runtime.run_folder import RunFolder
from palingen.runtime.safetensors_io import save_weights

SnapshotStage = Literal["start", "middle", "end"]
"""Stage of the training at which a run keeps its generator and 25 of its images."""

NUM_IMAGES = 25
"""Images of a snapshot, always of the same latents."""

COLUMNS, SCALE = 5, 4
"""Layout of a grid: images in a row, and factor of enlargement."""


class SnapshotWriter:
    """Writer of a run's snapshots: a grid every `save_interval` steps; at each stage also an array and the weights."""

    def __init__(self, run: RunFolder, config: GanConfig, num_classes: int, total_steps: int) -> None:
        self.run, self.save_interval = run, config.save_interval
        self.inputs = snapshot_inputs(config, num_classes)
        self.stages: dict[SnapshotStage, int] = {"start": 0, "middle": total_steps // 2, "end": total_steps}

    def is_due(self, step: int) -> bool:
        """Whether there is a snapshot after this step."""
        return step % self.save_interval == 0 or step in self.stages.values()

    def write(self, generator: nn.Module, step: int) -> None:
        """Write the snapshot after this step.

        Raises:
            RunError: the run folder was removed or replaced.
        """
        self.run.require_present()
        pixels, folder = generate_pixels(generator, self.inputs).numpy(), self.run.folder
        grid = tile(pixels, COLUMNS, scale=SCALE)
        write_png(snapshot_path(folder, step), grid)
        self.run.tracking.log_image(step, snapshot_path(folder, step))
        for stage in (stage for stage, at in self.stages.items() if at == step):
            write_png(folder / f"{stage}.png", grid)
            write_array(folder / f"{stage}.npy", pixels)
            save_weights(folder / f"{stage}.safetensors", generator.state_dict(), self.run.config)


def snapshot_inputs(config: GanConfig, num_classes: int) -> Tensor:
    """Generator inputs of all snapshots of a run; a conditional generator gets its K classes in turn."""
    return sample_inputs(NUM_IMAGES, config.latent_dim, num_classes, config.seed)


def read_snapshots(folder: Path | str) -> dict[str, UInt8[ndarray, "25 28 width"]]:
    """Images of the three stages, as the run saved them.

    Raises:
        DataError: one is missing or damaged.
    """
    advice = "train the run to the end, or again with force=True"
    return {
        stage: read_pixels(Path(folder) / f"{stage}.npy", (NUM_IMAGES, IMAGE_SIZE, None), advice=advice)
        for stage in get_args(SnapshotStage)
    }
