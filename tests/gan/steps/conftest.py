"""Small setups and inputs of training steps."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import one_hot

from palingen.gan.models import ARCHITECTURES, Networks
from palingen.gan.objectives.gradient_penalties import PENALTIES
from palingen.gan.objectives.losses import LOSSES
from palingen.gan.steps import STEPS
from palingen.gan.steps.protocol import StepInputs, StepSetup

LATENT_DIM = 6


@pytest.fixture
def make_setup() -> Callable[..., StepSetup]:
    """Function that builds networks and objective; the same weights at every call."""

    def make(
        architecture: str = "mlp",
        loss: str = "non-saturating",
        penalty: str | None = None,
        num_classes: int = 0,
        channels: int = 1,
        dtype: torch.dtype = torch.float64,
        precision: str = "float32",
    ) -> StepSetup:
        torch.manual_seed(0)
        networks = Networks(
            *(network.to(dtype) for network in ARCHITECTURES[architecture](LATENT_DIM, 1e-5, channels, num_classes))
        )
        for network in networks:
            for parameter in network.parameters():  # zero biases and small branches would hide errors
                parameter.data += 0.02 * torch.randn_like(parameter)
        return StepSetup(networks, LOSSES[loss], 0.5, PENALTIES[penalty] if penalty else None, precision, channels)

    return make


@pytest.fixture
def make_inputs() -> Callable[..., StepInputs]:
    """Function that samples four real images, latents, classes and interpolation points."""

    def make(num_classes: int = 0, channels: int = 1, dtype: torch.dtype = torch.float64, seed: int = 1) -> StepInputs:
        torch.manual_seed(seed)
        real = torch.rand(4, channels, 28, 28, dtype=dtype) * 2 - 1
        latents, interpolation = torch.randn(4, LATENT_DIM, dtype=dtype), torch.rand(4, dtype=dtype)
        if not num_classes:
            return StepInputs(real, latents, None, interpolation)
        labels = torch.tensor([3, 1, 3, 0])
        inputs = torch.cat([latents, one_hot(labels, num_classes).to(dtype)], 1)
        return StepInputs(real, inputs, labels, interpolation)

    return make


@pytest.fixture
def compute() -> Callable[..., dict[str, torch.Tensor]]:
    """Function that runs one engine on a copy of the networks: metrics, gradients and buffers by name."""

    def run(engine: str, setup: StepSetup, inputs: StepInputs, penalty_weight: float = 0.7) -> dict[str, torch.Tensor]:
        copied = copy.deepcopy(setup)
        step = STEPS[engine](copied)
        metrics = step.compute_gradients(inputs, penalty_weight)._asdict()
        results = {name: metric.detach() for name, metric in metrics.items()}
        for role, network in copied.networks._asdict().items():
            results |= {f"{role}.{name}.grad": parameter.grad for name, parameter in network.named_parameters()}
            results |= {f"{role}.{name}": buffer for name, buffer in network.named_buffers()}
        return results

    return run
