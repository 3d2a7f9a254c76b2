"""A small training on 200 images."""

from pathlib import Path

import pytest

from palingen.gan.config import GanConfig


@pytest.fixture
def config(few_digits: Path) -> GanConfig:
    """Two epochs of seven steps each: 200 images, 32 a step, 8 in the last."""
    return GanConfig(
        data=str(few_digits), epochs=2, batch_size=32, save_interval=100, log_interval=4, monitor_samples=None
    )
