import os
import signal
from dataclasses import dataclass

import pytest
import torch

from palingen.runtime import training_loop
from palingen.runtime.distributed import ProcessGroup
from palingen.runtime.errors import DataError, DivergenceError, Interrupted
from palingen.runtime.numerics import Execution
from palingen.runtime.run_folder import open_run
from palingen.runtime.running_means import RunningMeans
from palingen.runtime.training_loop import BatchPlan, TrainingLoop

CPU = ProcessGroup(torch.device("cpu"))
PLAN = BatchPlan(dataset_size=10, batch_size=4, epochs=3, seed=0)


@dataclass(frozen=True, kw_only=True)
class Config:
    value: int = 0


class Counter:
    def __init__(self):
        self.count = 0

    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        self.count = state["count"]


class FirstOfTwo(ProcessGroup):
    """First of two processes, as if the other had sums of [6, 1] and no wish to save or to stop."""

    def all_reduce_sum(self, tensors, weight=1.0):
        for tensor in tensors:
            tensor.add_(torch.tensor([6.0, 1.0]))

    def any_rank(self, flag):
        return flag


FIRST_OF_TWO = FirstOfTwo(torch.device("cpu"), 0, 2)


def loop_over(run, counter, plan=PLAN, process_group=CPU):
    return TrainingLoop(run, "test", plan, {"counter": counter}, process_group)


def visit_and_interrupt(last_step, loop, counter, visited):
    for batch in loop:
        counter.count += 1
        visited.append(batch.indices.tolist())
        if batch.step == last_step:
            os.kill(os.getpid(), signal.SIGINT)


def test_every_epoch_visits_every_example_once_in_an_order_of_its_own():
    epochs = [torch.cat(PLAN.batches(epoch, CPU.device)) for epoch in range(2)]
    assert all(sorted(order.tolist()) == list(range(10)) for order in epochs)
    assert not torch.equal(*epochs)
    assert (PLAN.steps_per_epoch, PLAN.total_steps) == (3, 9)


def test_a_last_batch_that_is_too_small_is_dropped():
    plan = BatchPlan(dataset_size=9, batch_size=4, epochs=1, seed=0, min_batch_size=2)
    assert [len(batch) for batch in plan.batches(0, CPU.device)] == [4, 4]


def test_a_data_set_smaller_than_one_step_is_refused():
    with pytest.raises(DataError, match="a step needs at least 2 examples, the data set has 1"):
        BatchPlan(dataset_size=1, batch_size=4, epochs=1, seed=0, min_batch_size=2)


def test_constructing_a_loop_restores_nothing_and_resuming_restores_everything(tmp_path):
    with open_run(tmp_path, Config()) as run:
        run.set_execution(Execution("test", 1, True))
        counter = Counter()
        visited = []
        with pytest.raises(Interrupted, match="stopped in epoch 2 of 3"):
            visit_and_interrupt(4, loop_over(run, counter), counter, visited)
    with open_run(tmp_path, Config()) as run:
        counter = Counter()
        loop = loop_over(run, counter)
        assert (counter.count, loop.start_step) == (0, 0)
        assert loop.resume()
        assert (counter.count, loop.start_step) == (4, 4)
        visited += [batch.indices.tolist() for batch in loop]
    expected = [batch.tolist() for epoch in range(3) for batch in PLAN.batches(epoch, CPU.device)]
    assert visited == expected


def test_resuming_without_a_checkpoint_starts_at_the_first_step(tmp_path):
    with open_run(tmp_path, Config()) as run:
        loop = loop_over(run, Counter())
        assert not loop.resume()
        assert [batch.step for batch in loop] == list(range(1, 10))


def test_running_means_are_weighted_and_start_over():
    means = RunningMeans("loss", "accuracy", process_group=CPU)
    means.add(torch.tensor(1.0), torch.tensor(0.5), weight=3)
    means.add(torch.tensor(5.0), torch.tensor(1.0), weight=1)
    assert means.compute_and_reset() == {"loss": 2.0, "accuracy": 0.625}
    means.add(torch.tensor(7.0), torch.tensor(0.0))
    assert means.compute_and_reset() == {"loss": 7.0, "accuracy": 0.0}


def test_the_saved_sums_of_two_processes_add_up_to_those_of_both_when_both_load_them():
    means = RunningMeans("loss", process_group=FIRST_OF_TWO)
    means.add(torch.tensor(2.0))
    assert means.state_dict()["sums"].tolist() == [4.0, 1.0]
    assert means.compute_and_reset() == {"loss": 4.0}


def test_several_processes_save_at_the_steps_at_which_they_agree(tmp_path, monkeypatch):
    monkeypatch.setattr(training_loop, "CHECKPOINT_INTERVAL_S", 0)
    saved = []
    plan = BatchPlan(dataset_size=25, batch_size=1, epochs=1, seed=0)
    with open_run(tmp_path, Config()) as run:
        monkeypatch.setattr(run, "save_checkpoint", lambda state: saved.append(state["step"]))
        assert len(list(loop_over(run, Counter(), plan, FIRST_OF_TWO))) == 25
    assert saved == [0, 10, 20]


def test_several_processes_stop_together_after_the_main_one_has_saved(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(FirstOfTwo, "barrier", lambda group: saved.append((tmp_path / "resume.pt").exists()))
    plan = BatchPlan(dataset_size=25, batch_size=1, epochs=1, seed=0)
    with open_run(tmp_path, Config()) as run:
        run.set_execution(Execution("test", 1, True))
        counter = Counter()
        with pytest.raises(Interrupted):
            visit_and_interrupt(1, loop_over(run, counter, plan, FIRST_OF_TWO), counter, [])
    assert saved == [True]
    assert counter.count == 10


def test_a_mean_that_is_not_finite_is_a_divergence_named_by_its_metric():
    means = RunningMeans("loss", process_group=CPU)
    means.add(torch.tensor(float("nan")))
    with pytest.raises(DivergenceError, match="loss is no longer a finite number"):
        means.compute_and_reset()


class Weights(Counter):
    """A network that diverges at step 5."""

    def state_dict(self):
        return {"count": self.count, "weight": torch.tensor(float("nan") if self.count >= 5 else 1.0)}


def test_a_checkpoint_of_weights_that_are_not_finite_is_never_written(tmp_path, monkeypatch):
    monkeypatch.setattr(training_loop, "CHECKPOINT_INTERVAL_S", 0)
    with open_run(tmp_path, Config(value=3)) as run:
        run.set_execution(Execution("test", 1, True))
        weights = Weights()
        with pytest.raises(DivergenceError, match=r"weight .* at step 5 of 9 \(value=3\); .* of step 4 is kept"):
            visit_and_interrupt(None, loop_over(run, weights), weights, [])
        assert run.load_checkpoint()["step"] == 4


@pytest.mark.parametrize("step", [-1, 9, 10**9])
def test_a_position_outside_of_the_training_is_refused(tmp_path, step):
    with open_run(tmp_path, Config()) as run:
        states = {"counter": {"count": 0}, "global_random_state": {"cpu": torch.get_rng_state()}}
        run.save_checkpoint({**states, "step": step, "seconds": 0.0})
        with pytest.raises(DataError, match=rf"resume.pt: damaged \(step {step} of 9\)"):
            loop_over(run, Counter()).resume()
