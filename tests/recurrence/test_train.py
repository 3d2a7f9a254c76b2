import json

import pytest
import torch
from palindrome_runs import SMALL, assert_same_weights, read_epochs
from support import unchecked

from palingen.recurrence import train
from palingen.recurrence.cells import CELLS
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.train import train_palindrome
from palingen.recurrence.trainer import Evaluation, PalindromeTrainer
from palingen.runtime.errors import ConfigError, DivergenceError
from palingen.runtime.run_files import read_environment, read_records


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_trains_and_logs_every_epoch(tmp_path, cell):
    config = PalindromeConfig(cell=cell, epochs=2, **SMALL)
    result = train_palindrome(config, tmp_path)
    epochs = read_epochs(tmp_path)
    assert [record["epoch"] for record in epochs] == [1, 2]
    assert (result["cell"], result["length"], result["seed"]) == (cell, 5, 0)
    best = min(epochs, key=lambda record: record["loss"])
    assert result["epoch"] == best["epoch"]
    assert (result["accuracy"], result["loss"]) == (best["test_accuracy"], best["test_loss"])


def test_the_lstm_learns_unseen_palindromes_of_three_digits(tmp_path):
    config = PalindromeConfig(
        length=3, epochs=60, num_samples=2000, hidden_size=32, learning_rate=5e-3, input_encoding="one-hot"
    )
    assert train_palindrome(config, tmp_path)["accuracy"] == 1.0


def test_a_finished_run_returns_its_result_without_training(tmp_path, monkeypatch):
    config = PalindromeConfig(epochs=1, **SMALL)
    result = train_palindrome(config, tmp_path)
    monkeypatch.setattr(train, "_train", None)
    assert train_palindrome(config, tmp_path) == result


@pytest.mark.parametrize(
    ("engine", "precision", "message"), [("triton", "float32", "^engine="), ("reference", "bfloat16", "^precision=")]
)
def test_force_keeps_a_finished_run_until_an_engine_is_known_to_support_the_new_one(
    tmp_path, engine, precision, message
):
    train_palindrome(PalindromeConfig(epochs=1, **SMALL), tmp_path)
    with pytest.raises(ConfigError, match=message):
        train_palindrome(PalindromeConfig(epochs=1, precision=precision, **SMALL), tmp_path, engine=engine, force=True)
    assert (tmp_path / "weights.safetensors").exists()


def test_equal_seeds_end_in_equal_weights_and_different_seeds_in_different_ones(tmp_path):
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        train_palindrome(PalindromeConfig(epochs=1, seed=seed, **SMALL), tmp_path / name)
    assert_same_weights(tmp_path / "first", tmp_path / "again")
    with pytest.raises(AssertionError):
        assert_same_weights(tmp_path / "first", tmp_path / "other")


def test_a_caller_in_python_gets_the_numerics_of_the_command_line(tmp_path, palingen):
    tiny = torch.full((), 1e-40)
    assert tiny + tiny != 0  # subnormal numbers are not flushed yet
    config = PalindromeConfig(epochs=1, **SMALL)
    result = train_palindrome(config, tmp_path / "python")
    assert result["flush_denormal"] is True
    assert read_environment(tmp_path / "python")["flush_denormal"] is True
    torch.set_flush_denormal(False)
    flags = ("--num-samples", 200, "--hidden-size", 8, "--batch-size", 32, "--epochs", 1)
    run = palingen("palindrome", "train", *flags, "--out", "command", "--json")
    assert run.returncode == 0, run.stderr
    assert_same_weights(tmp_path / "python", tmp_path / "command")
    (command,) = [record for record in read_records(tmp_path / "command") if record["kind"] == "result"]
    for key in ("engine", "threads", "flush_denormal"):
        assert result[key] == command[key] == read_environment(tmp_path / "command")[key]


def test_the_test_set_does_not_influence_the_weights(tmp_path, monkeypatch):
    config = PalindromeConfig(length=4, epochs=6, online_data=True, input_encoding="one-hot", **SMALL)
    result = train_palindrome(config, tmp_path / "plain")
    epochs = read_epochs(tmp_path / "plain")
    assert result["epoch"] == min(epochs, key=lambda record: record["validation_loss"])["epoch"]
    for name, losses in (("rising", range(1, 8)), ("falling", range(8, 1, -1))):
        values = iter(losses)
        with monkeypatch.context() as patch:
            patch.setattr(PalindromeTrainer, "evaluate_test", lambda *_: Evaluation(next(values), 0.5))  # noqa: B023
            assert train_palindrome(config, tmp_path / name)["epoch"] == result["epoch"]
        assert_same_weights(tmp_path / "plain", tmp_path / name)


def test_training_stops_after_the_first_epoch_that_reaches_the_target_at_full_length(tmp_path):
    config = PalindromeConfig(
        length=6,
        input_encoding="one-hot",
        online_data=True,
        curriculum_threshold=0.9,
        curriculum_start=3,
        early_stop_accuracy=0.95,
        hidden_size=16,
        optimizer="adam",
        learning_rate=1e-2,
        num_samples=1000,
        batch_size=32,
        epochs=60,
    )
    result = train_palindrome(config, tmp_path)
    *before, last = read_epochs(tmp_path)
    assert (last["length"], result["steps"]) == (6, 25 * last["epoch"])
    assert result["curriculum_length"] == 6
    assert last["epoch"] < 60
    assert last["validation_accuracy"] >= 0.95
    assert all(epoch["validation_accuracy"] < 0.95 for epoch in before if epoch["length"] == 6)
    assert any(epoch["validation_accuracy"] >= 0.95 for epoch in before if epoch["length"] < 6)
    assert [epoch["length"] for epoch in before] == sorted(epoch["length"] for epoch in before)


def test_the_learning_rate_follows_its_schedule(tmp_path):
    train_palindrome(PalindromeConfig(epochs=5, lr_step_epochs=2, lr_step_factor=0.5, **SMALL), tmp_path)
    rates = [record["learning_rate"] for record in read_epochs(tmp_path)]
    assert rates == pytest.approx([1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4])


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    config = unchecked(PalindromeConfig(cell="rnn", epochs=2, **SMALL), learning_rate=1e38)
    with pytest.raises(
        DivergenceError,
        match=r"loss .* at step 5 of 10 \(.*learning_rate=1e\+38\); no checkpoint yet; try",
    ):
        train_palindrome(config, tmp_path)


def test_the_config_file_holds_nothing_about_the_execution(tmp_path):
    train_palindrome(PalindromeConfig(epochs=1, **SMALL), tmp_path, engine="reference")
    config = json.loads((tmp_path / "config.json").read_text())
    assert not {"engine", "threads", "device"} & config.keys()
    assert read_environment(tmp_path)["engine"] == "reference"
