"""Resumed runs go on in the same logs, a tracker that fails never ends a run, and tracking changes no record."""

import json
import os
import sys
from functools import partial

import pytest
from palindrome_runs import SMALL, assert_same_weights, count_steps, interrupt_at_step, read_epochs
from small_jobs import start
from tracker_logs import READERS, read_mlflow, read_tensorboard

from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.train import train_palindrome
from palingen.recurrence.trainer import PalindromeTrainer
from palingen.runtime.errors import DataError, Interrupted
from palingen.runtime.run_files import read_records
from palingen.runtime.tracking.run_tracking import log_scores
from palingen.workflows.run_overview import find_runs

CONFIG = PalindromeConfig(epochs=4, **SMALL)

LOSSES = "epoch/loss"

WRITES = {
    "tensorboard": ("tensorboard.summary.writer.event_file_writer", "EventFileWriter", "add_event"),
    "mlflow": ("mlflow", "MlflowClient", "log_batch"),
    "wandb": ("wandb.sdk.wandb_run", "Run", "log"),
}
"""Method of each library's client through which numbers are written."""

train = partial(train_palindrome, CONFIG)


@pytest.fixture(scope="module")
def untracked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("untracked") / "run"
    train(folder)
    return folder


def train_until(step, folder, **options):
    """Train until Ctrl-C at a step."""
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at_step(patch, step)
        with pytest.raises(Interrupted):
            train(folder, **options)


def assert_equal_runs(folder, other):
    """Check that records and weights are equal, but for the seconds of the result."""
    assert_same_weights(folder, other)
    ours, theirs = (read_records(run) for run in (folder, other))
    for records in (ours, theirs):
        del records[-1]["seconds"]
    assert ours == theirs


def assert_complete(folder, names=READERS):
    """Check that each log holds every epoch once, and the result."""
    losses = [(record["epoch"], pytest.approx(record["loss"], rel=1e-6)) for record in read_epochs(folder)]
    for name in names:
        log = READERS[name](folder)
        assert log.numbers[LOSSES] == losses, name
        assert log.final["result/accuracy"] == pytest.approx(read_records(folder)[-1]["accuracy"], rel=1e-6), name
        assert log.state in (None, "FINISHED", 0)


def fail_from(patch, name, call):
    """Let the client of a library fail from a call on, as it does on a full disk."""
    module, client, method = WRITES[name]
    cls = getattr(pytest.importorskip(module), client)
    write, calls = getattr(cls, method), []

    def failing(*arguments, **options):
        calls.append(method)
        if len(calls) >= call:
            raise OSError(28, "No space left on device")
        return write(*arguments, **options)

    patch.setattr(cls, method, failing)
    return calls


def test_an_interrupted_run_goes_on_in_the_same_logs(tmp_path, untracked):
    folder = tmp_path / "run"
    for step in (8, 7):  # in the second epoch and in the third, of five steps each
        train_until(step, folder, trackers=[*READERS])
    assert read_mlflow(folder).state == "KILLED"
    train(folder, trackers=[*READERS])
    assert_complete(folder)
    assert_equal_runs(folder, untracked)


def test_resuming_replaces_the_folders_of_wandb_also_where_two_starts_fell_into_one_second(tmp_path):
    folder = tmp_path / "run"
    train_until(8, folder, trackers=["wandb"])
    (first,) = folder.glob("wandb/offline-run-*")
    first.rename(f"{first}-1")  # so does W&B name the folder of the second start
    train(folder, trackers=["wandb"])
    assert_complete(folder, ["wandb"])


def test_records_that_are_made_again_after_a_crash_are_logged_once(tmp_path, untracked, monkeypatch):
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        steps = count_steps(patch)
        counted = PalindromeTrainer.step

        def crash(self, *arguments):
            if len(steps) == 12:  # no checkpoint yet: the next start makes two epochs again
                raise RuntimeError("power failure")
            return counted(self, *arguments)

        patch.setattr(PalindromeTrainer, "step", crash)
        with pytest.raises(RuntimeError):
            train(folder, trackers=[*READERS])
    assert [position for position, _ in read_tensorboard(folder).numbers[LOSSES]] == [1, 2]
    train(folder, trackers=[*READERS])
    assert_complete(folder)
    assert_equal_runs(folder, untracked)


def test_a_tracker_that_is_added_later_gets_all_that_was_recorded_before(tmp_path):
    folder = tmp_path / "run"
    train_until(12, folder)
    train(folder, trackers=["tensorboard"])
    train(folder, trackers=["tensorboard", "mlflow"])  # finished
    assert_complete(folder, ["tensorboard", "mlflow"])
    events = [*folder.glob("tensorboard/*")]
    train(folder, trackers=["tensorboard"])
    assert [*folder.glob("tensorboard/*")] == events


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_ctrl_c_while_a_log_is_brought_up_to_date_repeats_nothing(tmp_path, monkeypatch, name):
    folder = tmp_path / "run"
    train(folder)
    module, client, method = WRITES[name]
    cls = getattr(pytest.importorskip(module), client)
    write, calls = getattr(cls, method), []

    def interrupted(*arguments, **options):
        calls.append(method)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return write(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(cls, method, interrupted)
        if name == "mlflow":
            calls.extend([method] * 4)  # a record is one call there, and several events of TensorBoard
        with pytest.raises(KeyboardInterrupt):
            train(folder, trackers=[name])
    train(folder, trackers=[name])
    positions = [position for position, _ in READERS[name](folder).numbers[LOSSES]]
    assert sorted(set(positions)) == [1, 2, 3, 4]
    assert len(positions) <= 5  # the record in which it came may stand twice
    if name == "mlflow":
        assert len([*folder.glob("mlflow/*/*/meta.yaml")]) == 1


@pytest.mark.parametrize("name", READERS)
def test_a_tracker_that_fails_in_the_middle_is_left_out_and_gets_the_rest_later(
    name, tmp_path, untracked, monkeypatch, capsys
):
    folder = tmp_path / "run"
    others = [other for other in ("tensorboard", "mlflow") if other != name]
    with monkeypatch.context() as patch:
        calls = fail_from(patch, name, 12 if name == "tensorboard" else 3)
        train(folder, trackers=[name, *others])
    assert len(calls) in (3, 12)  # it is not tried again
    assert capsys.readouterr().err.splitlines()[0] == (
        f"tracking: {name} failed (OSError: [Errno 28] No space left on device); the run goes on without it"
    )
    assert_equal_runs(folder, untracked)
    assert_complete(folder, others)
    assert "No space left" in json.loads((folder / "tracking.json").read_text())["logs"][name]["problem"]
    train(folder, trackers=[name, *others])
    assert json.loads((folder / "tracking.json").read_text())["logs"][name]["problem"] is None
    if name != "tensorboard":  # which had a part of the record's numbers
        assert_complete(folder, [name, *others])


def test_trackers_whose_folders_cannot_be_made_are_left_out(tmp_path, untracked, capsys):
    folder = tmp_path / "run"
    with pytest.raises(SystemExit):
        train_and_exit(folder)
    for name in READERS:
        (folder / name).write_text("in the way")
    train(folder, trackers=[*READERS])
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tracking: ")]
    assert [line.split()[1] for line in errors] == [*READERS]
    assert_equal_runs(folder, untracked)


def train_and_exit(folder):
    """Start a run and end at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PalindromeTrainer, "step", lambda *_: sys.exit())
        train(folder)


def train_and_die(folder, data):
    """Train with all trackers, and be killed in the third epoch."""
    os.environ.pop("WANDB_SERVICE", None)  # the parent's, which goes on
    steps, step = [], PalindromeTrainer.step

    def dying(self, *arguments):
        steps.append(1)
        if len(steps) == 13:
            os.kill(os.getpid(), 9)
        return step(self, *arguments)

    PalindromeTrainer.step = dying
    train(folder, trackers=[*READERS])


def test_a_killed_run_goes_on_in_the_same_logs(tmp_path, untracked):
    folder = tmp_path / "run"
    process = start(train_and_die, folder, "")
    process.join()
    assert process.exitcode == -9
    assert [position for position, _ in read_tensorboard(folder).numbers[LOSSES]] == [1, 2]
    train(folder, trackers=[*READERS])
    assert_complete(folder)
    assert_equal_runs(folder, untracked)


def test_the_store_that_the_environment_names_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    folder = tmp_path / "run"
    train(folder, trackers=["mlflow"])
    assert not (folder / "mlflow").exists()
    assert len(read_mlflow(folder, tmp_path / "store").numbers[LOSSES]) == 4
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    log_scores(folder, CONFIG, "score", {"fd": 3.0})  # the store in the folder is new, and gets everything
    assert_complete(folder, ["mlflow"])
    assert read_mlflow(folder).final["score/fd"] == 3.0


def test_a_store_of_an_unknown_kind_is_named_with_the_package_that_a_database_needs(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere://store")
    train(tmp_path / "run", trackers=["mlflow"])
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tracking: ")]
    assert "MLFLOW_TRACKING_URI=nowhere://store: unknown kind of store" in line
    assert "`pip install mlflow`" in line


def test_a_damaged_state_is_refused_before_the_training_and_harmless_after_it(tmp_path, capsys):
    folder = tmp_path / "run"
    train(folder, trackers=["tensorboard"])
    (folder / "tracking.json").write_text('{"logs": {"tensorboard": {}}, "scores": []}')
    with pytest.raises(DataError, match=r"tracking.json: damaged \(logs.tensorboard.run_id is missing\); delete it"):
        train(folder, trackers=["tensorboard"])
    capsys.readouterr()
    log_scores(folder, CONFIG, "score", {"fd": 3.0})
    assert capsys.readouterr().err.startswith("tracking: ")
    train(folder)


def test_a_tracked_run_is_listed_like_any_other(tmp_path, untracked):
    train(tmp_path / "runs" / "tracked", trackers=[*READERS])
    (summary,) = find_runs(tmp_path / "runs")
    (other,) = find_runs(untracked)
    assert (summary.state, summary.problems, summary.pictures) == ("finished", (), other.pictures)
    assert summary.numbers["result"].keys() == other.numbers["result"].keys()


def test_scores_of_a_run_without_trackers_make_no_log(untracked):
    before = sorted(untracked.iterdir())
    log_scores(untracked, CONFIG, "score", {"fd": 3.0})
    assert sorted(untracked.iterdir()) == before
