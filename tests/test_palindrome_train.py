import pytest
import torch

from palingen.errors import Interrupted, RunError
from palingen.recurrence import train as recurrence
from palingen.recurrence.cells import CELLS
from palingen.recurrence.experiment import PalindromeRun
from palingen.recurrence.train import train
from palingen.runs import read_records
from palingen.weights import load_weights

CPU = torch.device("cpu")
SMALL = {"samples": 200, "hidden": 8, "batch_size": 32}


def same_weights(one, other):
    a, b = (load_weights(folder / "weights.safetensors") for folder in (one, other))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def stop_after(monkeypatch, steps):
    """Press Ctrl-C once `steps` optimiser steps are done."""
    step, done = torch.optim.RMSprop.step, []

    def counted(self, *arguments):
        done.append(None)
        if len(done) == steps:
            signal.raise_signal(signal.SIGINT)
        return step(self, *arguments)

    import signal

    monkeypatch.setattr(torch.optim.RMSprop, "step", counted)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_trains_and_records_each_epoch(tmp_path, cell):
    config = PalindromeRun(cell=cell, epochs=2, **SMALL)
    result = train(config, tmp_path, CPU)
    epochs = [record for record in read_records(tmp_path) if record["kind"] == "epoch"]
    assert [record["epoch"] for record in epochs] == [1, 2]
    assert (result["cell"], result["length"], result["seed"]) == (cell, 5, 0)
    kept = min(epochs, key=lambda record: record["loss"])
    assert result["epoch"] == kept["epoch"]
    assert (result["accuracy"], result["loss"]) == (kept["test_accuracy"], kept["test_loss"])


def test_the_lstm_learns_unseen_palindromes_of_three_digits(tmp_path):
    config = PalindromeRun(length=3, epochs=60, samples=2000, hidden=32, learning_rate=5e-3, encoding="one-hot")
    assert train(config, tmp_path, CPU)["accuracy"] == 1.0


@pytest.mark.parametrize("steps", [3, 5, 7])
def test_a_stopped_run_goes_on_to_the_very_same_weights_and_records(tmp_path, monkeypatch, steps):
    config = PalindromeRun(epochs=3, **SMALL)  # 5 steps an epoch: in the first, at its end, in the second
    train(config, tmp_path / "whole", CPU)
    with monkeypatch.context() as patch:
        stop_after(patch, steps)
        with pytest.raises(Interrupted, match=f"epoch {1 + steps // 5} of 3"):
            train(config, tmp_path / "stopped", CPU)
    train(config, tmp_path / "stopped", CPU)
    assert same_weights(tmp_path / "whole", tmp_path / "stopped")
    whole, stopped = (read_records(tmp_path / name)[:-1] for name in ("whole", "stopped"))
    assert whole == stopped


def test_a_finished_run_is_not_run_again(tmp_path, monkeypatch):
    config = PalindromeRun(epochs=1, **SMALL)
    result = train(config, tmp_path, CPU)
    monkeypatch.setattr(recurrence, "_train", None)
    assert train(config, tmp_path, CPU) == result


def test_equal_seeds_end_in_equal_weights_and_others_in_others(tmp_path):
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        train(PalindromeRun(epochs=1, seed=seed, **SMALL), tmp_path / name, CPU)
    assert same_weights(tmp_path / "one", tmp_path / "again")
    assert not same_weights(tmp_path / "one", tmp_path / "other")


def test_the_gradient_is_clipped_before_the_step(tmp_path, monkeypatch):
    norms, step = [], torch.optim.RMSprop.step

    def measured(self):
        weights = [weight for group in self.param_groups for weight in group["params"]]
        norms.append(torch.stack([weight.grad.norm() for weight in weights]).norm().item())
        step(self)

    monkeypatch.setattr(torch.optim.RMSprop, "step", measured)
    train(PalindromeRun(epochs=1, max_norm=0.01, **SMALL), tmp_path, CPU)
    assert norms
    assert max(norms) <= 0.01 * (1 + 1e-4)  # torch divides by the norm plus 1e-6
    assert read_records(tmp_path)[0]["gradient_norm"] > 0.01


def test_the_learning_rate_falls_as_the_schedule_says(tmp_path):
    train(PalindromeRun(epochs=5, decay_every=2, decay=0.5, **SMALL), tmp_path, CPU)
    rates = [record["learning_rate"] for record in read_records(tmp_path) if record["kind"] == "epoch"]
    assert rates == pytest.approx([1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4])


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    config = PalindromeRun(cell="rnn", epochs=2, learning_rate=1e38, **SMALL)
    with pytest.raises(RunError, match="no longer a finite number"):
        train(config, tmp_path, CPU)
