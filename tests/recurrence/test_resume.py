"""An interrupted palindrome training resumes exactly, or is refused."""

import pytest
import torch
from palindrome_runs import SMALL, assert_same_weights, count_steps, interrupt_at_step, read_epochs
from user_parts import write_code

from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.train import train_palindrome
from palingen.runtime.errors import Interrupted, RunError
from palingen.runtime.run_files import read_environment

CURRICULUM = PalindromeConfig(
    length=9,
    input_encoding="one-hot",
    online_data=True,
    curriculum_threshold=0.01,  # reached after every window of 20 batches
    curriculum_start=2,
    lr_length_exponent=0.5,
    learn_initial_state=True,
    optimizer="adam",
    lr_schedule="cosine",
    warmup_epochs=1,
    hidden_size=8,
    num_samples=1000,
    batch_size=32,  # 25 steps an epoch
    epochs=4,
)


def train_interrupted(monkeypatch, config, folder, step, **options):
    """Train until Ctrl-C at a step; return the message."""
    with monkeypatch.context() as patch:
        interrupt_at_step(patch, step)
        with pytest.raises(Interrupted) as interrupt:
            train_palindrome(config, folder, **options)
    return str(interrupt.value)


@pytest.mark.parametrize("step", [3, 5, 7])
def test_an_interrupted_run_resumes_to_the_same_weights_and_records(tmp_path, monkeypatch, step):
    config = PalindromeConfig(epochs=3, **SMALL)  # 5 steps an epoch: within the first, at its end, within the second
    train_palindrome(config, tmp_path / "uninterrupted")
    message = train_interrupted(monkeypatch, config, tmp_path / "resumed", step)
    assert f"stopped in epoch {1 + step // 5} of 3" in message
    train_palindrome(config, tmp_path / "resumed")
    assert_same_weights(tmp_path / "uninterrupted", tmp_path / "resumed")
    assert read_epochs(tmp_path / "uninterrupted") == read_epochs(tmp_path / "resumed")


@pytest.mark.parametrize("step", [13, 20, 33, 70])
def test_a_run_interrupted_within_its_curriculum_resumes_to_the_same_weights_and_records(tmp_path, monkeypatch, step):
    train_palindrome(CURRICULUM, tmp_path / "uninterrupted")
    train_interrupted(monkeypatch, CURRICULUM, tmp_path / "resumed", step)
    checkpoint = torch.load(tmp_path / "resumed" / "resume.pt", weights_only=True)
    assert checkpoint["step"] == step
    assert len(checkpoint["curriculum"]["recent"]) == step % 20
    train_palindrome(CURRICULUM, tmp_path / "resumed")
    assert_same_weights(tmp_path / "uninterrupted", tmp_path / "resumed")
    uninterrupted, resumed = read_epochs(tmp_path / "uninterrupted"), read_epochs(tmp_path / "resumed")
    assert uninterrupted == resumed
    assert [record["length"] for record in uninterrupted] == [3, 4, 6, 9]


def test_a_resumed_run_does_not_repeat_its_steps(tmp_path, monkeypatch):
    train_interrupted(monkeypatch, CURRICULUM, tmp_path, 60)
    steps = count_steps(monkeypatch)
    assert train_palindrome(CURRICULUM, tmp_path)["steps"] == 100
    assert len(steps) == 40


def test_resuming_with_another_engine_is_refused_unless_allowed(tmp_path, monkeypatch):
    train_interrupted(monkeypatch, CURRICULUM, tmp_path, 33, engine="reference")
    with pytest.raises(RunError, match="cannot resume exactly with engine='native', was 'reference'"):
        train_palindrome(CURRICULUM, tmp_path, engine="native")
    with pytest.raises(RunError, match="allow_engine_change=True resumes anyway"):
        train_palindrome(CURRICULUM, tmp_path)  # auto resolves to native
    assert read_environment(tmp_path)["engine"] == "reference"
    result = train_palindrome(CURRICULUM, tmp_path, engine="native", allow_engine_change=True)
    assert result["engine"] == read_environment(tmp_path)["engine"] == "native"
    assert result["steps"] == 100


def test_resuming_with_another_number_of_threads_is_refused(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    train_interrupted(monkeypatch, CURRICULUM, tmp_path, 33)
    torch.set_num_threads(2)
    with pytest.raises(RunError, match="cannot resume exactly with threads=2, was 1"):
        train_palindrome(CURRICULUM, tmp_path)


def test_auto_resumes_with_the_engine_that_it_had_resolved_to(tmp_path, monkeypatch):
    train_palindrome(CURRICULUM, tmp_path / "uninterrupted")
    train_interrupted(monkeypatch, CURRICULUM, tmp_path / "resumed", 33)
    result = train_palindrome(CURRICULUM, tmp_path / "resumed", engine="native")
    assert result["engine"] == "native"
    assert_same_weights(tmp_path / "uninterrupted", tmp_path / "resumed")


def test_a_users_cell_that_draws_random_numbers_resumes_to_the_same_weights(tmp_path, monkeypatch):
    code = """
import torch
from palingen import Cell
Noisy = Cell(lambda x, h, state: (torch.tanh(x + h) * torch.rand_like(h).round(),), gates=("h",))
"""
    cell = f"{write_code(tmp_path, code)}:Noisy"
    config = PalindromeConfig(cell=cell, epochs=3, **SMALL)
    train_palindrome(config, tmp_path / "uninterrupted")
    train_interrupted(monkeypatch, config, tmp_path / "resumed", 7)
    train_palindrome(config, tmp_path / "resumed")
    assert_same_weights(tmp_path / "uninterrupted", tmp_path / "resumed")
