"""The step as a CUDA graph, where there is a GPU."""

from types import SimpleNamespace

import pytest
import torch

from palingen.gan.config import GanConfig
from palingen.gan.data.datasets import load_dataset
from palingen.gan.steps.cuda_graph import WARMUP_STEPS
from palingen.gan.trainer import GanTrainer
from palingen.runtime.distributed import ProcessGroup

requires_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")


def make_trainer(data, engine, **settings):
    device = torch.device("cuda")
    config = GanConfig(data=str(data), latent_dim=8, learning_rate=1e-3, lr_final_ratio=0.1, **settings)
    return GanTrainer(config, load_dataset(config.data, device), ProcessGroup(device), engine)


def train(trainer, numbers):
    """Metrics of the given steps, one of them with fewer images."""
    metrics = []
    for number in numbers:
        batch = torch.arange(5 if number == 7 else 32, device="cuda") + number
        metrics.append(torch.stack([value.detach().clone() for value in trainer.step(batch, number, number / 20)]))
    return torch.stack(metrics)


@requires_cuda
@pytest.mark.parametrize("settings", [{}, {"beta2_final": 0.9, "ema_half_life": 10}], ids=["constant", "schedules"])
def test_a_graph_takes_the_same_steps_with_the_same_noise(few_digits, settings):
    trainers = [make_trainer(few_digits, engine, **settings) for engine in ("manual", "auto")]
    assert [trainer.engine for trainer in trainers] == ["manual", "manual, CUDA graph"]
    torch.testing.assert_close(*(train(trainer, range(1, 13)) for trainer in trainers))
    plain, graph = trainers
    torch.testing.assert_close(graph.weights, plain.weights)
    assert torch.equal(graph.noise.generator.get_state(), plain.noise.generator.get_state())
    if plain.ema:
        torch.testing.assert_close(graph.ema.state_dict(), plain.ema.state_dict())


@requires_cuda
def test_a_graph_resumes_from_a_checkpoint(few_digits):
    trainer, resumed = (make_trainer(few_digits, "auto", ema_half_life=10) for _ in range(2))
    train(trainer, range(1, WARMUP_STEPS + 3))
    for name, state in trainer.state.items():
        resumed.state[name].load_state_dict(state.state_dict())
    torch.testing.assert_close(train(resumed, range(10, 20)), train(trainer, range(10, 20)))
    torch.testing.assert_close(resumed.weights, trainer.weights)


def test_steps_are_recorded_after_the_warmup_and_odd_batches_never(monkeypatch):
    calls, replays = [], []
    graph = SimpleNamespace(replay=lambda: replays.append(1), register_generator_state=lambda generator: None)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: graph)
    monkeypatch.setattr(torch.cuda, "graph", lambda graph: torch.no_grad())
    from palingen.gan.steps.cuda_graph import StepGraph
    from palingen.gan.steps.protocol import StepMetrics

    def step(batch, penalty_weight):
        calls.append((len(batch), float(penalty_weight)))
        return StepMetrics(*torch.zeros(4))

    recorded = StepGraph(step, torch.Generator(), [])
    for number, size in enumerate([4, 4, 4, 4, 2, 4]):
        recorded(torch.arange(size), 0.5 * number)
    assert calls == [(4, 0.0), (4, 0.5), (4, 1.0), (4, 1.5), (2, 2.0)]
    assert len(replays) == 2
