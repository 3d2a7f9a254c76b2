from dataclasses import dataclass

import pytest
import torch

from palingen.runtime.errors import RunError
from palingen.runtime.safetensors_header import load_metadata
from palingen.runtime.safetensors_io import load_state, load_weights, save_weights


@dataclass(frozen=True, kw_only=True)
class Count:
    to: int = 3


def test_weights_of_every_type_and_shape_load_as_they_were_saved(tmp_path):
    path = tmp_path / "weights.safetensors"
    tensors = {"w": torch.randn(3, 4).half(), "steps": torch.tensor(7), "none": torch.empty(0), "x": torch.eye(2).T}
    save_weights(path, tensors, Count())
    loaded = load_weights(path)
    assert set(loaded) == set(tensors)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    assert load_metadata(path) == {"kind": "Count", "to": 3}


def test_equal_weights_and_configs_give_equal_bytes(tmp_path):
    tensors = {"b": torch.randn(3), "a": torch.eye(2)}
    for number in range(8):
        save_weights(tmp_path / f"{number}.safetensors", tensors, Count())
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_missing_weights_say_how_to_get_them(tmp_path):
    with pytest.raises(RunError, match=r"weights.safetensors: missing; .*same train command"):
        load_weights(tmp_path / "weights.safetensors")


def test_truncated_weights_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(path, {"w": torch.ones(100)}, Count())
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(RunError, match="damaged"):
        load_weights(path)
    with pytest.raises(RunError, match="missing or damaged"):
        load_metadata(path)


def test_changed_weights_do_not_match_their_hash(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(path, {"w": torch.ones(100)}, Count())
    path.write_bytes(path.read_bytes()[:-8] + bytes(8))
    with pytest.raises(RunError, match="the SHA-256 does not match the tensors"):
        load_weights(path)


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, value):
    path = tmp_path / "weights.safetensors"
    save_weights(path, {"a": torch.ones(2), "w": torch.tensor([1.0, value])}, Count())
    with pytest.raises(RunError, match=r"damaged \(w holds NaN or infinity\)"):
        load_weights(path)


@pytest.mark.parametrize("size", [2**40, 2**63, 2**64 - 1])
def test_a_header_that_claims_to_be_huge_is_refused(tmp_path, size):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(size.to_bytes(8, "little") + b"{}")
    for load in (load_weights, load_metadata):
        with pytest.raises(RunError, match="damaged"):
            load(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "weights.safetensors"
    with path.open("wb") as file:
        file.truncate(2**40)  # takes no room on the disk
    with pytest.raises(RunError, match=r"damaged \(larger than 1024 MB\)"):
        load_weights(path)


def test_weights_of_another_network_are_refused_in_one_line(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(path, torch.nn.Linear(2, 3).state_dict(), Count())
    with pytest.raises(RunError, match=r"not the weights of this network \(.*size mismatch for weight") as refusal:
        load_state(torch.nn.Linear(3, 2), path)
    assert "\n" not in str(refusal.value)
