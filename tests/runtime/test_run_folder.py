import fcntl
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
import torch

from palingen.runtime.config_io import OLD_ENDING, config_hash
from palingen.runtime.errors import DataError, DivergenceError, PalingenError, RunError
from palingen.runtime.numerics import Execution
from palingen.runtime.run_files import (
    STUDY_RESULT_FILE,
    list_snapshots,
    read_config,
    read_environment,
    read_records,
    read_result,
)
from palingen.runtime.run_folder import open_run
from palingen.runtime.safetensors_io import load_weights

POSITION = {"step": 1, "seconds": 2.0}

EXECUTION = Execution("native", 2, flush_denormal=True)


@dataclass(frozen=True, kw_only=True)
class CountConfig:
    to: int = 3


@dataclass(frozen=True, kw_only=True)
class OtherConfig:
    to: int = 3


def test_a_run_keeps_config_environment_records_and_weights(tmp_path):
    with open_run(tmp_path / "run", CountConfig()) as run:
        run.set_execution(EXECUTION)
        run.log("step", step=1)
        result = run.finalize({"w": torch.ones(2)}, total=3)
    assert result == {"kind": "result", "total": 3, **asdict(EXECUTION)}
    assert read_config(tmp_path / "run", CountConfig) == CountConfig()
    assert [record["kind"] for record in read_records(tmp_path / "run")] == ["step", "result"]
    assert torch.equal(load_weights(tmp_path / "run" / "weights.safetensors")["w"], torch.ones(2))
    environment = read_environment(tmp_path / "run")
    assert {"torch", "python", "commit", "command"} <= set(environment)
    assert (environment["engine"], environment["threads"], environment["flush_denormal"]) == ("native", 2, True)


def test_a_finished_run_is_recognised_until_force_deletes_it(tmp_path):
    with open_run(tmp_path, CountConfig()) as run:
        assert not run.finished
        run.finalize({}, total=3)
    with open_run(tmp_path, CountConfig()) as run:
        assert run.finished
        assert run.result["total"] == 3
    with open_run(tmp_path, CountConfig(), force=True) as run:
        assert not run.finished


@pytest.mark.parametrize("deletions", range(5))
def test_a_start_with_force_that_is_killed_while_it_deletes_can_be_repeated(tmp_path, monkeypatch, deletions):
    with open_run(tmp_path, CountConfig()) as run:
        run.finalize({}, total=3)
    for name in ("end.safetensors", "environment.json", STUDY_RESULT_FILE):
        (tmp_path / name).touch()
    unlink_really, paths = Path.unlink, []

    def unlink(path, **options):
        if len(paths) == deletions:
            raise KeyboardInterrupt
        paths.append(path)
        unlink_really(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink)
        with pytest.raises(KeyboardInterrupt):
            open_run(tmp_path, CountConfig(to=4), force=True).__enter__()
    assert len(paths) == deletions
    assert (tmp_path / STUDY_RESULT_FILE).exists() == (deletions == 0)
    assert (tmp_path / "weights.safetensors").exists() == (deletions <= 1)
    with open_run(tmp_path, CountConfig(to=4), force=True) as run:
        assert not run.finished


def test_records_after_the_checkpoint_are_dropped_when_it_is_loaded(tmp_path):
    with open_run(tmp_path, CountConfig()) as run:
        run.set_execution(EXECUTION)
        assert run.load_checkpoint() is None
        run.log("step", step=1)
        run.save_checkpoint(POSITION)
        run.log("step", step=2)
    with open_run(tmp_path, CountConfig()) as run:
        run.set_execution(EXECUTION)
        assert run.load_checkpoint()["step"] == 1
        run.log("step", step=2)
    assert [record["step"] for record in read_records(tmp_path)] == [1, 2]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (Execution("reference", 2, True), "engine='reference', was 'native'"),
        (Execution("native", 1, True), "threads=1, was 2"),
        (Execution("native", 2, False), "flush_denormal=False, was True"),
        (Execution("native", 2, True, device="cuda"), "device='cuda', was 'cpu'"),
        (Execution("native", 2, True, processes=2), "processes=2, was 1"),
    ],
)
def test_a_checkpoint_is_not_resumed_with_another_execution_unless_allowed(tmp_path, changed, message):
    with open_run(tmp_path, CountConfig()) as run:
        run.set_execution(EXECUTION)
        run.save_checkpoint(POSITION)
    with open_run(tmp_path, CountConfig()) as run:
        with pytest.raises(RunError, match="allow_engine_change=True") as refusal:
            run.set_execution(changed)
        assert message in str(refusal.value)
        assert read_environment(tmp_path)["engine"] == "native"
        run.set_execution(changed, allow_change=True)
        assert read_environment(tmp_path)["threads"] == changed.threads


def test_other_settings_are_named_and_the_folder_is_unchanged(tmp_path):
    with open_run(tmp_path, CountConfig()) as run:
        run.log("step", step=1)
    with pytest.raises(RunError, match=r"other settings \(to=4, was 3\); force=True replaces it"):
        open_run(tmp_path, CountConfig(to=4)).__enter__()
    assert read_records(tmp_path) == [{"kind": "step", "step": 1}]
    with pytest.raises(RunError, match="holds a CountConfig, not a OtherConfig"):
        open_run(tmp_path, OtherConfig()).__enter__()


@pytest.mark.parametrize("laboratory", ["Palindrome", "Gan"])
def test_a_run_folder_of_before_the_renaming_is_refused_in_one_line(tmp_path, laboratory):
    (tmp_path / "config.json").write_text(json.dumps({"kind": f"{laboratory}{OLD_ENDING}"}))
    with pytest.raises(RunError, match="written by an older version of palingen") as refusal:
        read_config(tmp_path, CountConfig)
    assert "\n" not in str(refusal.value)


def test_a_folder_that_is_no_run_is_left_alone_even_with_force(tmp_path):
    (tmp_path / "runs").mkdir()
    files = {tmp_path / "thesis.tex", tmp_path / ".draft.tmp", tmp_path / "runs" / ".resume.pt.1.tmp"}
    for file in files:
        file.write_text("years of work")
    with pytest.raises(RunError, match="not empty and not a run folder"):
        open_run(tmp_path, CountConfig(), force=True).__enter__()
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == files


def _lock(folder: Path, locked, release) -> None:
    with open_run(folder, CountConfig()):
        locked.set()
        release.wait(30)


@pytest.mark.parametrize("content", ['{"model_type": "bert"}', '{"kind": "Deployment"}', "[1]"])
def test_a_folder_with_a_config_of_another_program_is_not_emptied(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    (tmp_path / "model.bin").touch()
    with pytest.raises(RunError, match=r"its config\.json is of another program, so that nothing is deleted"):
        open_run(tmp_path, CountConfig(), force=True).__enter__()
    assert (tmp_path / "model.bin").exists()


def test_force_deletes_a_link_and_not_what_it_leads_to(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    with open_run(tmp_path / "run", CountConfig()) as run:
        run.finalize({}, total=3)
    for name, target in (("folder", "kept"), ("broken", "nowhere")):
        (tmp_path / "run" / name).symlink_to(tmp_path / target)
    with open_run(tmp_path / "run", CountConfig(), force=True) as run:
        assert not run.finished
    assert not any((tmp_path / "run" / name).is_symlink() for name in ("folder", "broken"))
    assert (tmp_path / "kept" / "file").exists()


def test_a_second_process_cannot_open_the_same_folder(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    locked, release = spawn.Event(), spawn.Event()
    holder = spawn.Process(target=_lock, args=(tmp_path, locked, release))
    holder.start()
    assert locked.wait(60)
    with pytest.raises(RunError, match="another process"):
        open_run(tmp_path, CountConfig()).__enter__()
    release.set()
    holder.join(30)
    with open_run(tmp_path, CountConfig()) as run:
        assert not run.finished


def test_a_folder_that_a_killed_process_gives_up_a_moment_later_is_opened(tmp_path):
    child_of_killed = os.open(tmp_path / ".lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(child_of_killed, fcntl.LOCK_EX)
    threading.Timer(0.3, os.close, [child_of_killed]).start()
    with open_run(tmp_path, CountConfig()) as run:
        assert not run.finished


KILLED_WHILE_WRITING = """
import os
from pathlib import Path
from palingen.runtime import atomic_io
os.fsync = lambda file: os.kill(os.getpid(), 9)
atomic_io.write_atomically(Path("resume.pt"), b"half")
"""


def test_temporary_files_of_a_killed_process_are_removed_by_the_next_start(tmp_path):
    with open_run(tmp_path, CountConfig()):
        pass
    run = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING], cwd=tmp_path, check=False)
    assert run.returncode == -9
    (leftover,) = tmp_path.glob(".resume.pt.*")
    with open_run(tmp_path, CountConfig()):
        assert not leftover.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"kind": "CountConfig", "too": 1}', b'{"to": 1}'])
def test_a_damaged_config_is_named(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(PalingenError, match=r"config.json"):
        read_config(tmp_path, CountConfig)


def test_a_damaged_checkpoint_is_named_and_kept(tmp_path):
    with open_run(tmp_path, CountConfig()) as run:
        run.set_execution(EXECUTION)
        run.save_checkpoint(POSITION)
    checkpoint = (tmp_path / "resume.pt").read_bytes()
    (tmp_path / "resume.pt").write_bytes(checkpoint[: len(checkpoint) // 2])
    with open_run(tmp_path, CountConfig()) as run:
        for use in (run.load_checkpoint, lambda: run.set_execution(EXECUTION)):
            with pytest.raises(DataError, match=r"resume.pt: damaged \(.*\); force=True"):
                use()
    assert (tmp_path / "resume.pt").exists()


def test_a_checkpoint_never_runs_code(tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    with open_run(tmp_path, CountConfig()) as run:
        torch.save({**POSITION, "step": Trap(), "records_bytes": 0, "execution": None}, tmp_path / "resume.pt")
        with pytest.raises(DataError, match="damaged"):
            run.load_checkpoint()
    assert not (tmp_path / "sprung").exists()


def test_equal_configs_have_equal_hashes_and_others_have_others():
    assert config_hash(CountConfig()) == config_hash(CountConfig())
    assert config_hash(CountConfig()) != config_hash(CountConfig(to=4))


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    for value in (3, 4):
        with open_run(tmp_path / str(value), CountConfig(to=value)) as run:
            run.save_checkpoint(POSITION)
    (tmp_path / "3" / "resume.pt").write_bytes((tmp_path / "4" / "resume.pt").read_bytes())
    with (
        open_run(tmp_path / "3", CountConfig(to=3)) as run,
        pytest.raises(DataError, match="a run with another config"),
    ):
        run.load_checkpoint()


@pytest.mark.parametrize("damage", [lambda records: records.replace(b"1", b"7"), lambda records: records[:-3]])
def test_records_that_changed_since_the_checkpoint_are_noticed(tmp_path, damage):
    path = tmp_path / "records.jsonl"
    with open_run(tmp_path, CountConfig()) as run:
        run.log("step", step=1)
        run.save_checkpoint(POSITION)
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes()
    with (
        open_run(tmp_path, CountConfig()) as run,
        pytest.raises(DataError, match="not the records of its checkpoint"),
    ):
        run.load_checkpoint()
    assert path.read_bytes() == before


@pytest.mark.parametrize("write", [lambda run: run.save_checkpoint(POSITION), lambda run: run.finalize({})])
def test_a_folder_that_is_removed_or_replaced_under_a_run_ends_it_in_one_line(tmp_path, write):
    folder = tmp_path / "run"
    with open_run(folder, CountConfig()) as run:
        shutil.rmtree(folder)
        with pytest.raises(RunError, match="removed or replaced while the run was working"):
            write(run)
        assert not folder.exists()
        with open_run(folder, CountConfig()) as other:
            other.log("step", step=1)
            with pytest.raises(RunError, match="removed or replaced"):
                write(run)
        assert len(read_records(folder)) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_record_that_is_not_finite_is_never_written(tmp_path, value):
    with open_run(tmp_path, CountConfig()) as run:
        with pytest.raises(DivergenceError, match="test_loss is no longer a finite number"):
            run.log("epoch", epoch=1, test_loss=value)
        assert read_records(tmp_path) == []


def test_a_number_that_no_reader_would_take_is_a_divergence(tmp_path):
    with open_run(tmp_path, CountConfig()) as run:
        run.log("epoch", test_loss=-1e30)
        with pytest.raises(DivergenceError, match=r"test_loss is above 1e\+30; try a smaller learning_rate"):
            run.log("epoch", test_loss=-1.1e30)
    assert [record["test_loss"] for record in read_records(tmp_path)] == [-1e30]


def test_a_checkpoint_that_a_kill_left_beside_the_weights_is_removed_by_the_next_start(tmp_path):
    with open_run(tmp_path, CountConfig()) as run:
        run.finalize({}, total=3)
    (tmp_path / "resume.pt").touch()
    with open_run(tmp_path, CountConfig()) as run:
        assert run.result["total"] == 3
    assert not (tmp_path / "resume.pt").exists()


def test_a_run_without_a_result_is_not_finished(tmp_path):
    with open_run(tmp_path, CountConfig()) as run:
        run.log("step", step=1)
    with pytest.raises(RunError, match=r"records.jsonl: holds no result"):
        read_result(tmp_path)


def test_copies_of_snapshots_made_by_hand_are_left_out(tmp_path):
    (tmp_path / "snapshots").mkdir()
    for name in ("step-0000500.png", "step-0000500 copy.png", "step-.png"):
        (tmp_path / "snapshots" / name).touch()
    assert list_snapshots(tmp_path) == {500: tmp_path / "snapshots" / "step-0000500.png"}
