"""The peers of the benchmarks compute what the package computes."""

import copy

import pytest
import torch
from support import ROOT

from palingen.gan.config import GanConfig, build_networks
from palingen.gan.steps.autograd import AutogradStep
from palingen.gan.steps.protocol import StepInputs
from palingen.gan.trainer import step_setup

jax = pytest.importorskip("jax", reason="needs the extra bench", exc_type=ImportError)
pytest.importorskip("optax", reason="needs the extra bench", exc_type=ImportError)


@pytest.fixture
def peer(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import gan_step_jax

    return gan_step_jax


def test_three_steps_of_the_jax_peer_have_the_losses_weights_and_statistics_of_ours(peer):
    config = GanConfig(batch_size=8, latent_dim=6)
    networks = build_networks(config)
    step = peer.JaxStep(config, copy.deepcopy(networks))
    update = jax.jit(step.update)
    ours = AutogradStep(step_setup(config, networks))
    optimizers = [torch.optim.Adam(parameters, config.learning_rate) for parameters in ours.parameters()]
    random = torch.Generator().manual_seed(0)
    for _ in range(3):
        real, latents = torch.rand(8, 784, generator=random) * 2 - 1, torch.randn(8, 6, generator=random)
        step.state, losses = update(step.state, real.numpy(), latents.numpy())
        metrics = ours.compute_gradients(StepInputs(real.view(8, 1, 28, 28), latents))
        for optimizer in optimizers:
            optimizer.step()
        assert [*map(float, losses)] == pytest.approx([metric.item() for metric in metrics[:2]], rel=1e-5)
    expected = [*map(peer.layers_of, networks), peer.statistics_of(networks.generator)]
    for layers, theirs in zip(expected, [*step.state["weights"], step.state["statistics"]], strict=True):
        for layer, their_layer in zip(layers, theirs, strict=True):
            for name in layer.keys() - ({"bias"} if "scale" in layer else set()):  # BatchNorm takes that bias away
                assert jax.numpy.allclose(layer[name], their_layer[name], rtol=1e-3, atol=2e-5), name
