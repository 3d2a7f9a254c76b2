import io
import shutil
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from palingen.gan.config import GanConfig, build_networks
from palingen.gan.sampling.latents import generate_pixels
from palingen.gan.sampling.snapshots import SnapshotWriter, read_snapshots, snapshot_inputs
from palingen.runtime.errors import DataError
from palingen.runtime.run_folder import open_run
from palingen.runtime.safetensors_io import load_weights

CONFIG = GanConfig(latent_dim=8, save_interval=4)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Folder with the snapshots of a training of ten steps, and its generator."""
    folder = tmp_path_factory.mktemp("run")
    generator, _ = build_networks(CONFIG)
    with open_run(folder, CONFIG) as run:
        writer = SnapshotWriter(run, CONFIG, 0, total_steps=10)
        for step in range(11):
            if writer.is_due(step):
                writer.write(generator, step)
    return folder, generator


@pytest.fixture
def copied(written, tmp_path):
    """Copy of the folder, which may be damaged."""
    folder, _ = written
    return shutil.copytree(folder, tmp_path / "run")


def array_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def zip_bytes():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("other", "")
    return buffer.getvalue()


def test_grids_are_written_at_every_interval_and_stage(written):
    folder, _ = written
    names = sorted(path.name for path in (folder / "snapshots").iterdir())
    assert names == [f"step-{step:07d}.png" for step in (0, 4, 5, 8, 10)]
    with Image.open(folder / "end.png") as image:
        assert image.size == (592, 592)  # 5 images of 28 pixels with gaps of 2, enlarged four times


def test_each_stage_keeps_images_and_the_weights_that_generate_them(written):
    folder, generator = written
    expected = generate_pixels(generator, snapshot_inputs(CONFIG, 0)).numpy()
    for stage, pixels in read_snapshots(folder).items():
        assert np.array_equal(pixels, expected)
        weights = load_weights(folder / f"{stage}.safetensors")
        assert all(torch.equal(weights[name], tensor) for name, tensor in generator.state_dict().items())


def test_a_conditional_snapshot_shows_the_classes_in_turn():
    inputs = snapshot_inputs(CONFIG, 10)
    assert inputs[:, 8:].argmax(1).tolist() == [*range(10), *range(10), *range(5)]
    assert torch.equal(inputs[:, :8], snapshot_inputs(CONFIG, 0))


def test_a_missing_snapshot_is_named_in_one_line(copied):
    (copied / "middle.npy").unlink()
    with pytest.raises(DataError, match=r"middle\.npy: missing; train the run to the end") as refusal:
        read_snapshots(copied)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an array",
        b"PK\3\4 not a zip",
        zip_bytes(),
        array_bytes(np.zeros((25, 28, 28), np.uint8))[:-1],
        b"\x93NUMPY\x01\x00v\x00{'descr': " + b"\n" * 100,
        array_bytes(np.zeros((25, 28, 28), np.float32)),
        array_bytes(np.zeros((3, 28, 28), np.uint8)),
    ],
    ids=["empty", "text", "broken zip", "zip", "truncated", "broken header", "float", "other shape"],
)
def test_a_damaged_snapshot_is_named_in_one_line(copied, content):
    (copied / "end.npy").write_bytes(content)
    with pytest.raises(
        DataError, match=r"end\.npy: damaged \(.*\); train the run .* again with force=True$"
    ) as refusal:
        read_snapshots(copied)
    assert "\n" not in str(refusal.value)
