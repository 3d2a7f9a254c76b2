import io
import zipfile

import pytest
import torch

from palingen.runtime.checkpoint import non_finite, read_checkpoint, restore, write_checkpoint
from palingen.runtime.errors import DataError

STATE = {
    "config": "0", "execution": None, "records_bytes": 0, "records_sha256": "", "step": 1, "seconds": 0.5,
    "model": {"weight": torch.arange(300.0), "steps": [torch.tensor(3)]},
}  # fmt: skip


@pytest.fixture
def path(tmp_path):
    write_checkpoint(tmp_path / "resume.pt", STATE)
    return tmp_path / "resume.pt"


def test_a_checkpoint_is_read_as_it_was_written(path):
    state = read_checkpoint(path)
    assert torch.equal(state["model"]["weight"], STATE["model"]["weight"])
    assert {name: state[name] for name in STATE if name != "model"} == {k: v for k, v in STATE.items() if k != "model"}


def test_there_may_be_no_checkpoint(tmp_path):
    assert read_checkpoint(tmp_path / "resume.pt") is None


def test_a_flipped_bit_of_a_weight_is_noticed(path):
    content = bytearray(path.read_bytes())
    position = content.index(STATE["model"]["weight"].numpy().tobytes()) + 1000
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"resume.pt: damaged \(.*wrong CRC-32\); force=True"):
        read_checkpoint(path)


def test_an_archive_that_grows_when_it_is_read_is_refused(path):
    with zipfile.ZipFile(path) as archive:
        parts = {part.filename: archive.read(part) for part in archive.infolist()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content + bytes(10**7 * name.endswith("data/0")))
    path.write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match=r"claims to hold 10,\d\d\d,\d\d\d bytes"):
        read_checkpoint(path)


def test_a_checkpoint_of_another_version_is_refused(path):
    write_checkpoint(path, {name: value for name, value in STATE.items() if name != "records_sha256"})
    with pytest.raises(DataError, match=r"damaged \(records_sha256 is missing\)"):
        read_checkpoint(path)


@pytest.mark.parametrize("state", [{}, {"model": {"weight": torch.ones(3)}}, {"model": 3}, {"model": {"bias": 1}}])
def test_a_part_that_does_not_fit_is_named(path, state):
    with pytest.raises(DataError, match=r"resume.pt: damaged \(model does not fit: .*\); force=True") as refusal:
        restore(path, {"model": torch.nn.Linear(2, 2)}, state)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ({"a": torch.ones(2), "b": [1, float("inf")]}, None),  # numbers may be: the best loss so far begins at infinity
        ({"a": torch.tensor([1, 2])}, None),
        ({"a": {"b": [torch.ones(1), torch.tensor([1.0, float("nan")])]}}, "a.b.1"),
        ({"a": torch.tensor(float("-inf"), dtype=torch.bfloat16)}, "a"),
    ],
)
def test_a_tensor_that_is_not_finite_is_named(state, name):
    assert non_finite(state) == name
