"""Quick reproduction: configs shortened to seconds, whose numbers mean nothing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from palingen.gan.config import GanConfig
from palingen.gan.data.mnist import LabeledImages, load_images, write_images
from palingen.recurrence.config import PalindromeConfig

NUM_IMAGES = 600
"""Training and test images, and generated images of a score."""

MAX_LENGTH = 100
"""Digits of the longest palindromes."""

NUM_VARIANTS = 2
"""Runs of a GAN study."""

GANS = ("gan-course", "gan-residual")
"""GAN runs that are repeated: one of each kind; the others run the same code."""

COURSE_EPOCHS = 30
"""Epochs of the course's GAN, enough on few images to generate more than one class."""


def shorten_palindrome(config: PalindromeConfig) -> PalindromeConfig:
    """Small network, few samples, two epochs."""
    return replace(config, epochs=2, num_samples=400, hidden_size=16)


def select_palindromes(configs: Sequence[PalindromeConfig]) -> list[PalindromeConfig]:
    """Shortened configs of the first seed, without the longest palindromes."""
    return [shorten_palindrome(config) for config in configs if config.seed == 0 and config.length <= MAX_LENGTH]


def shorten_gan(config: GanConfig, name: str, out: Path) -> GanConfig:
    """One epoch on few images, in float32, which every CPU computes fast.

    The course's run is longer, so that there are two digits to interpolate between.

    Args:
        config: config of the reference run.
        name: folder of the run or of its study.
        out: folder of the reproduced records, where the few images are written.
    """
    small = replace(config, data=str(_few_images(out)), epochs=1, precision="float32", monitor_samples=None)
    return replace(small, epochs=COURSE_EPOCHS, beta1=0.5) if name == "gan-course" else small


def _few_images(out: Path) -> Path:
    """Folder of the first training and test images, written once."""
    folder = out / "few-images"
    if not folder.exists():
        for split in ("train", "t10k"):
            images = load_images(split)
            write_images(folder, split, LabeledImages(images.pixels[:NUM_IMAGES], images.labels[:NUM_IMAGES]))
    return folder
