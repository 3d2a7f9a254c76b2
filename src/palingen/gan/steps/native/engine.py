"""Training step in C++ for fully connected networks, unconditional and without penalty; float32 on a CPU.

The discriminator treats images independently, as in `manual.py`: the gradient of a logit is computed once for both
losses. Adam updates the weights of a tile as soon as their gradient is known, if the step may update them.

    B  images      C  columns: B padded to whole vectors, twice that many in the discriminator
"""

import ctypes
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from palingen.gan.data.mnist import IMAGE_SIZE
from palingen.gan.objectives.losses import LOSSES
from palingen.gan.steps.forward import loss_gradients
from palingen.gan.steps.manual import flatten_parameters
from palingen.gan.steps.native.arguments import LOSS_NUMBERS, NetworkArgs, StepArgs, pointer
from palingen.gan.steps.native.layers import UnsupportedLayerError, mlp_layers, unsupported_parameters
from palingen.gan.steps.native.workspace import Workspace
from palingen.gan.steps.protocol import StepInputs, StepMetrics, StepSetup
from palingen.runtime.native import cpp_build
from palingen.runtime.processor import has_avx512_bf16

MAX_WORKSPACES = 4
"""Batch sizes whose memory is kept: that of all batches, and that of an epoch's last one."""


class NativeStep:
    """Training step in one C++ function forward and one backward."""

    def __init__(self, setup: StepSetup) -> None:
        self.setup = setup
        self._flat = [flatten_parameters(network) for network in setup.networks]
        self._layers = [mlp_layers(network) for network in setup.networks]
        self._library = load_step(setup.precision)
        self._loss = next((LOSS_NUMBERS.get(name) for name, loss in LOSSES.items() if loss == setup.loss), None)
        self._workspaces: dict[int, Workspace] = {}

    @staticmethod
    def unsupported_reason(setup: StepSetup) -> str | None:
        """Reason why the networks, the penalty or the processor are not supported, or None."""
        return _unsupported_setup(setup) or _unavailable_reason(setup.precision)

    @staticmethod
    def unavailable_reason(setup: StepSetup) -> str | None:
        """Reason why this machine cannot run the step, of a setup that others can; else None."""
        return None if _unsupported_setup(setup) else _unavailable_reason(setup.precision)

    def parameters(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """All parameters of generator and discriminator, each as one flat parameter."""
        generator, discriminator = self._flat
        return [generator], [discriminator]

    def compute_gradients(self, inputs: StepInputs, penalty_weight: float | Tensor = 0.0) -> StepMetrics:
        """Write the gradients of both networks to their parameters' `.grad`."""
        workspace = self._workspace(len(inputs.real))
        for flat, network in zip(self._flat, _networks(workspace.arguments), strict=True):
            network.gradients = pointer(flat.grad)
        return self._run(workspace, inputs)

    def update(
        self, inputs: StepInputs, penalty_weight: float | Tensor, optimizers: Sequence[torch.optim.Adam]
    ) -> StepMetrics:
        """Update both networks once; the gradients are written nowhere."""
        workspace = self._workspace(len(inputs.real))
        for optimizer, flat, network in zip(optimizers, self._flat, _networks(workspace.arguments), strict=True):
            network.gradients = None
            _set_adam(network, optimizer, flat)
        return self._run(workspace, inputs)

    def _workspace(self, images: int) -> Workspace:
        if images not in self._workspaces:
            if len(self._workspaces) == MAX_WORKSPACES:
                self._workspaces.clear()
            vector_size = self._library.floats_per_vector()
            self._workspaces[images] = Workspace(self._layers, self._flat, images, vector_size)
        return self._workspaces[images]

    def _run(self, workspace: Workspace, inputs: StepInputs) -> StepMetrics:
        arguments, latents, real = workspace.arguments, inputs.latents.contiguous(), inputs.real.contiguous()
        arguments.latents, arguments.real = pointer(latents), pointer(real)
        arguments.threads = torch.get_num_threads()
        if self._loss is None:
            return self._run_with_autograd(workspace)
        arguments.loss, arguments.discriminator_weight = self._loss, self.setup.discriminator_loss_weight
        self._library.step_whole(ctypes.byref(arguments))
        return StepMetrics(*workspace.metrics.clone().unbind())

    def _run_with_autograd(self, workspace: Workspace) -> StepMetrics:
        """Step with a loss that the C++ code does not know."""
        self._library.step_forward(ctypes.byref(workspace.arguments))
        metrics, dG_dlogits, dL_dlogits = loss_gradients(self.setup, workspace.logits)
        workspace.dG_dlogits.copy_(dG_dlogits)
        workspace.dL_dlogits.copy_(dL_dlogits)
        self._library.step_backward(ctypes.byref(workspace.arguments))
        return metrics


@cache
def load_step(precision: str) -> ctypes.CDLL:
    """Compiled step, for products in `precision`.

    Raises:
        NoCompilerError: it cannot be compiled.
    """
    header = f"#define BFLOAT16_PRODUCTS {int(precision == 'bfloat16')}\n"
    library = cpp_build.load_library(Path(__file__).with_name("mlp_step.cpp"), header)
    library.floats_per_vector.restype = ctypes.c_long
    return library


@cache
def _unavailable_reason(precision: str) -> str | None:
    if precision == "bfloat16" and not has_avx512_bf16():
        return "the processor has no AVX512-BF16"
    try:
        load_step(precision)
    except cpp_build.NoCompilerError as error:
        return str(error)
    return None


def _unsupported_setup(setup: StepSetup) -> str | None:
    try:
        generator, discriminator = map(mlp_layers, setup.networks)
    except UnsupportedLayerError as error:
        return str(error)
    if setup.penalty is not None:
        return "supports no gradient penalty"
    pixels = setup.channels * IMAGE_SIZE * IMAGE_SIZE
    if not generator or not discriminator or any(layer.norm for layer in discriminator):
        return "needs linear layers in both networks, and no BatchNorm in the discriminator"
    if generator[-1].linear.out_features != pixels or discriminator[0].linear.in_features != pixels:
        return f"needs images of {pixels} pixels"
    last = setup.networks.discriminator[-1]  # type: ignore[index] # mlp_layers has seen that it is sequential
    if not isinstance(last, nn.Flatten) or last.start_dim != 0 or discriminator[-1].linear.out_features != 1:
        return "needs conditional=False"
    return next(filter(None, map(unsupported_parameters, setup.networks)), None)


def _networks(arguments: StepArgs) -> tuple[NetworkArgs, NetworkArgs]:
    return arguments.generator, arguments.discriminator


def _set_adam(network: NetworkArgs, optimizer: torch.optim.Adam, flat: nn.Parameter) -> None:
    """Count a step of Adam, and take its settings and moments for one."""
    (group,), state = optimizer.param_groups, optimizer.state[flat]
    if not state:
        state["step"] = torch.zeros(())
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(flat.detach()), torch.zeros_like(flat.detach())
    state["step"] += 1
    step, (beta1, beta2) = state["step"].item(), group["betas"]
    network.first_moment, network.second_moment = pointer(state["exp_avg"]), pointer(state["exp_avg_sq"])
    network.beta1, network.beta2, network.eps = beta1, beta2, group["eps"]
    network.step_size = group["lr"] / (1 - beta1**step)
    network.correction = (1 - beta2**step) ** -0.5
