import json
import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from palingen.errors import PalingenError, RunError
from palingen.runs import choose_device, open_run, read_config, read_records
from palingen.weights import load_weights, save_weights


@dataclass(frozen=True, kw_only=True)
class Count:
    to: int = 3


@dataclass(frozen=True, kw_only=True)
class Other:
    to: int = 3


def test_a_run_keeps_its_config_surroundings_records_and_weights(tmp_path):
    with open_run(tmp_path / "run", Count()) as run:
        run.record("step", step=1)
        result = run.finish({"w": torch.ones(2)}, total=3)
    assert result == {"kind": "result", "total": 3}
    assert read_config(tmp_path / "run", Count) == Count()
    assert [record["kind"] for record in read_records(tmp_path / "run")] == ["step", "result"]
    assert torch.equal(load_weights(tmp_path / "run" / "weights.safetensors")["w"], torch.ones(2))
    environment = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert {"torch", "python", "commit", "command", "threads"} <= set(environment)


def test_a_finished_run_says_so_when_it_is_opened_again(tmp_path):
    with open_run(tmp_path, Count()) as run:
        assert not run.finished
        run.finish({}, total=3)
    with open_run(tmp_path, Count()) as run:
        assert run.finished
        assert run.result["total"] == 3
    with open_run(tmp_path, Count(), force=True) as run:
        assert not run.finished


def test_records_made_after_the_checkpoint_are_dropped_when_it_is_restored(tmp_path):
    with open_run(tmp_path, Count()) as run:
        assert run.restore() is None
        run.record("step", step=1)
        run.checkpoint({"step": 1})
        run.record("step", step=2)
    with open_run(tmp_path, Count()) as run:
        assert run.restore()["step"] == 1
        run.record("step", step=2)
    assert [record["step"] for record in read_records(tmp_path)] == [1, 2]


def test_other_settings_in_the_folder_are_named_and_nothing_is_lost(tmp_path):
    with open_run(tmp_path, Count()) as run:
        run.record("step", step=1)
    with pytest.raises(RunError, match="to 3 there, 4 asked for"), open_run(tmp_path, Count(to=4)):
        pass
    assert read_records(tmp_path) == [{"kind": "step", "step": 1}]
    with pytest.raises(RunError, match="another kind"), open_run(tmp_path, Other()):
        pass


def test_a_strangers_folder_is_left_alone_even_with_force(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match="not empty and no run"), open_run(tmp_path, Count(), force=True):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def _hold(folder: Path, ready, leave) -> None:
    with open_run(folder, Count()):
        ready.set()
        leave.wait(30)


def test_a_second_process_in_the_folder_is_told(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    ready, leave = spawn.Event(), spawn.Event()
    holder = spawn.Process(target=_hold, args=(tmp_path, ready, leave))
    holder.start()
    assert ready.wait(60)
    with pytest.raises(RunError, match="another process"), open_run(tmp_path, Count()):
        pass
    leave.set()
    holder.join(30)
    with open_run(tmp_path, Count()):
        pass


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"kind": "Count", "too": 1}'])
def test_a_damaged_config_is_named(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(RunError):
        read_config(tmp_path, Count)


def test_a_damaged_checkpoint_is_named_and_kept(tmp_path):
    with open_run(tmp_path, Count()) as run:
        run.checkpoint({"step": 1})
    whole = (tmp_path / "resume.pt").read_bytes()
    (tmp_path / "resume.pt").write_bytes(whole[: len(whole) // 2])
    with open_run(tmp_path, Count()) as run, pytest.raises(RunError, match=r"resume.pt: damaged; --force"):
        run.restore()
    assert (tmp_path / "resume.pt").exists()


def test_damaged_and_missing_weights_are_named(tmp_path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(RunError, match="missing"):
        load_weights(path)
    save_weights(path, {"w": torch.ones(100)}, Count())
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    with pytest.raises(RunError, match="damaged"):
        load_weights(path)
    path.write_bytes(whole[:-8] + bytes(8))
    with pytest.raises(RunError, match="SHA-256 is not that of its weights"):
        load_weights(path)


def test_weights_of_every_type_and_shape_come_back_as_they_were(tmp_path):
    path = tmp_path / "weights.safetensors"
    tensors = {"w": torch.randn(3, 4).half(), "steps": torch.tensor(7), "none": torch.empty(0), "x": torch.eye(2).T}
    save_weights(path, tensors, Count())
    again = load_weights(path)
    assert all(torch.equal(again[name], tensor) for name, tensor in tensors.items())


def test_a_checkpoint_never_runs_code(tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    with open_run(tmp_path, Count()) as run:
        torch.save({"step": Trap(), "records_bytes": 0}, tmp_path / "resume.pt")
        with pytest.raises(RunError, match="damaged"):
            run.restore()
    assert not (tmp_path / "sprung").exists()


def test_an_unknown_device_is_refused():
    with pytest.raises(PalingenError, match="'abacus'"):
        choose_device("abacus")


def test_subnormal_numbers_are_flushed_once_a_device_is_chosen():
    choose_device("cpu")
    assert (torch.tensor([1e-39]) * torch.tensor([0.5])).item() == 0.0
