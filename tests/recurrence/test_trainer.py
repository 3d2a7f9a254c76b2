from dataclasses import replace

import pytest
import torch
from torch import nn

from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.engines import ENGINES
from palingen.recurrence.palindromes import Palindromes
from palingen.recurrence.trainer import Evaluation, PalindromeTrainer, lr_factor
from palingen.runtime.errors import ConfigError

CPU = torch.device("cpu")
SMALL = {"num_samples": 200, "hidden_size": 8, "batch_size": 32}
ONLINE = {"online_data": True, "input_encoding": "one-hot", **SMALL}


def rows(digits):
    return {tuple(row) for row in digits.tolist()}


def test_auto_is_resolved_once_when_the_trainer_is_built():
    trainer = PalindromeTrainer(PalindromeConfig(**SMALL), CPU)
    assert trainer.engine == trainer.model.recurrent.engine == "native"


def test_an_engine_that_cannot_run_is_refused_when_the_trainer_is_built(monkeypatch):
    engine = replace(ENGINES["native"], unsupported_reason=lambda *_: "there is no compiler")
    monkeypatch.setitem(ENGINES, "native", engine)
    with pytest.raises(ConfigError, match="there is no compiler"):
        PalindromeTrainer(PalindromeConfig(**SMALL), CPU, "native")


def test_fixed_batches_are_training_palindromes_and_online_ones_are_new_and_of_the_curriculums_length():
    indices = torch.arange(10)
    fixed = PalindromeTrainer(PalindromeConfig(length=9, **SMALL), CPU)
    assert torch.equal(fixed.sample_batch(indices).digits, fixed.train_data.digits[:10])
    online = PalindromeTrainer(PalindromeConfig(length=9, curriculum_threshold=0.9, curriculum_start=4, **ONLINE), CPU)
    first, second = online.sample_batch(indices), online.sample_batch(indices)
    assert first.length == second.length == 4
    assert not torch.equal(first.digits, second.digits)


def test_a_step_scales_the_gradient_down_to_the_maximum_norm_and_returns_the_norm_before(monkeypatch):
    trainer = PalindromeTrainer(PalindromeConfig(max_grad_norm=0.01, **SMALL), CPU)
    norms = []

    def measure():
        norms.append(torch.stack([weight.grad.norm() for weight in trainer.model.parameters()]).norm().item())

    monkeypatch.setattr(trainer.optimizer, "step", measure)
    palindromes = trainer.sample_batch(torch.arange(32))
    loss = nn.functional.cross_entropy(trainer.model(trainer.encode(palindromes)), palindromes.target)
    assert trainer.step(loss, 5) > 0.01
    assert norms == [pytest.approx(0.01, rel=1e-4)]  # torch divides by the norm plus 1e-6


@pytest.mark.parametrize(("length", "factor"), [(8, 1.0), (32, 0.5)])
def test_the_learning_rate_falls_with_the_root_of_the_length(length, factor):
    config = PalindromeConfig(curriculum_start=8, lr_length_exponent=0.5, learning_rate=0.1, **SMALL)
    trainer = PalindromeTrainer(config, CPU)
    palindromes = Palindromes(torch.zeros(4, length, dtype=torch.uint8))
    loss = nn.functional.cross_entropy(trainer.model(trainer.encode(palindromes)), palindromes.target)
    trainer.step(loss, length)
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * factor)


def test_the_step_schedule_multiplies_by_its_factor_every_lr_step_epochs():
    config = PalindromeConfig(lr_step_epochs=2, lr_step_factor=0.5)
    assert [lr_factor(config, epoch) for epoch in range(5)] == [1, 1, 0.5, 0.5, 0.25]


def test_the_cosine_schedule_falls_from_one_over_a_half_to_zero():
    config = PalindromeConfig(lr_schedule="cosine", epochs=10)
    assert [lr_factor(config, epoch) for epoch in (0, 5, 10)] == pytest.approx([1, 0.5, 0])


def test_warmup_rises_linearly_before_the_schedule():
    config = PalindromeConfig(warmup_epochs=3)
    assert [lr_factor(config, epoch) for epoch in range(5)] == [0.25, 0.5, 0.75, 1, 1]


def test_without_online_data_the_best_epoch_has_the_lowest_training_loss(monkeypatch):
    trainer = PalindromeTrainer(PalindromeConfig(**SMALL), CPU)
    monkeypatch.setattr(trainer, "evaluate_test", lambda max_digits: Evaluation(loss=0.0, accuracy=1.0))
    trainer.optimizer.step()  # the schedule must not step before it
    for epoch, loss in enumerate((0.5, 0.2, 0.3), start=1):
        trainer.end_epoch(epoch, {"loss": loss})
    assert (trainer.best.epoch, trainer.best.loss) == (2, 0.2)


def test_with_online_data_the_best_epoch_has_the_lowest_loss_on_new_palindromes(monkeypatch):
    trainer = PalindromeTrainer(PalindromeConfig(length=6, **ONLINE), CPU)
    validated, losses = [], iter((0.5, 0.2, 0.3))

    def evaluate(palindromes, counts):
        if torch.equal(palindromes.digits, trainer.test_data.digits):
            return Evaluation(loss=0.0, accuracy=1.0)
        validated.append(rows(palindromes.digits))
        assert int(counts.sum()) == 1000
        return Evaluation(next(losses), 0.5)

    monkeypatch.setattr(trainer, "_evaluate", evaluate)
    trainer.optimizer.step()  # the schedule must not step before it
    for epoch, train_loss in enumerate((0.3, 0.2, 0.1), start=1):
        trainer.end_epoch(epoch, {"loss": train_loss})
    assert (trainer.best.epoch, trainer.best.loss) == (2, 0.2)
    assert not set.union(*validated) & rows(trainer.test_data.digits)
    assert validated[0] != validated[1]


@pytest.mark.parametrize(
    ("length", "accuracy", "stops"), [(9, 0.95, True), (9, 0.949, False), (4, 1.0, False)], ids=str
)
def test_it_stops_early_only_at_full_length_and_at_the_target_accuracy(length, accuracy, stops):
    config = PalindromeConfig(
        length=9, curriculum_threshold=0.9, curriculum_start=4, early_stop_accuracy=0.95, **ONLINE
    )
    trainer = PalindromeTrainer(config, CPU)
    trainer.curriculum.length = length
    assert trainer.should_stop({"validation_accuracy": accuracy}) is stops


def test_without_a_target_it_never_stops_early():
    trainer = PalindromeTrainer(PalindromeConfig(**ONLINE), CPU)
    assert not trainer.should_stop({"validation_accuracy": 1.0})


def test_the_evaluation_weighs_repeated_palindromes_by_their_counts():
    trainer = PalindromeTrainer(PalindromeConfig(**SMALL), CPU)
    test = trainer.evaluate_test()
    digits = trainer.test_data.digits.repeat_interleave(trainer.test_counts, dim=0)
    assert len(digits) == 40
    palindromes = Palindromes(digits)
    with torch.no_grad():
        logits = trainer.model(trainer.encode(palindromes))
    loss = nn.functional.cross_entropy(logits, palindromes.target)
    assert test.loss == pytest.approx(loss.item(), rel=1e-5)
    assert test.accuracy == pytest.approx((logits.argmax(1) == palindromes.target).float().mean().item())


def test_an_epoch_reads_some_of_the_long_test_palindromes_of_all_digits_and_the_result_all(monkeypatch):
    config = PalindromeConfig(length=300, num_samples=1000, hidden_size=8, online_data=True)
    trainer = PalindromeTrainer(config, CPU)
    read = []

    def evaluate(palindromes, counts):
        read.append(palindromes)
        assert len(counts) == len(palindromes)
        return Evaluation(loss=0.0, accuracy=1.0)

    monkeypatch.setattr(trainer, "_evaluate", evaluate)
    trainer.evaluate_test()
    trainer.evaluate_test(15_000)
    trainer.evaluate_test(60_000)
    assert [len(palindromes) for palindromes in read] == [200, 50, 200]
    assert set(read[1].target.tolist()) == set(range(10))
