"""Forward and backward pass of the Triton engine over the chunks of a sequence.

The kernels compute what depends on the previous step; the products over all steps, of the inputs and of the gradients
of the weights, are torch's.

B  sequences      T  steps      I  inputs      H  hidden units      GH  gates times H      C  steps of a chunk
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from palingen.recurrence.cells import Cell
from palingen.recurrence.engines.compiled_step import uses_only_sum
from palingen.recurrence.engines.triton.codegen import generate_kernels, group_size
from palingen.recurrence.engines.triton.launch import ROWS, LaunchPlan
from palingen.recurrence.engines.triton.module_loader import load_module
from palingen.recurrence.unroll import CellWeights

Tensors = tuple[Tensor, ...]


@cache
def kernels(cell: Cell) -> ModuleType:
    """Generated kernels of a cell.

    Raises:
        UnsupportedOperationError: the step contains an operation without vector form.
    """
    return load_module(generate_kernels(cell, uses_only_sum(cell)))


@cache
def launch_plan(cell: Cell, B: int, H: int, device: torch.device) -> LaunchPlan:
    """Division among the programs on a device.

    Raises:
        ValueError: the device has too few multiprocessors for H hidden units.
    """
    return LaunchPlan(B, H, group_size(cell), torch.cuda.get_device_properties(device).multi_processor_count)


@dataclass(frozen=True)
class ForwardPass:
    """Forward pass over the chunks of a sequence."""

    cell: Cell
    inputs: Tensor
    """[B, T, I]."""

    weights: CellWeights
    states: Tensors
    """Each part of the state [T + 1, B, H], the initial one first."""

    keep_mask: Tensor | None
    """[T, B], 0 where the state is set to zero before a step."""

    @property
    def plan(self) -> LaunchPlan:
        """Division among the programs."""
        return launch_plan(self.cell, *self.states[0].shape[1:], self.inputs.device)

    @cached_property
    def extra_weights(self) -> Tensor:
        """Extra weights [EXTRAS, H]; the bias if there are none, which is not read."""
        extra = self.weights.extra
        return torch.stack(extra) if extra else self.weights.bias

    @property
    def options(self) -> dict[str, Any]:
        """Constants of both kernels."""
        uses_tf32 = torch.get_float32_matmul_precision() != "highest"
        return {**self.plan.constants, "HAS_RESETS": self.keep_mask is not None, "TF32": uses_tf32}

    def run(self, chunk: range, *, save: bool) -> Tensor | None:
        """Compute the states of a chunk; return the values [C, B, SAVED, H] for its gradient, if they are saved."""
        inputs, (weight_ih, weight_hh, bias, _), module, plan = self.inputs, self.weights, kernels(self.cell), self.plan
        B, H = self.states[0].shape[1:]
        rows = inputs[:, chunk.start : chunk.stop].transpose(0, 1).reshape(len(chunk) * B, -1)
        x_proj = torch.addmm(bias, rows, weight_ih.T)
        saved = inputs.new_empty(len(chunk), B, module.SAVED.value, H) if save else None
        states = tuple(part[chunk.start :] for part in self.states)
        keep_mask = None if self.keep_mask is None else self.keep_mask[chunk.start :]
        for tiles in plan.tile_groups():
            exchange = torch.zeros(2, len(tiles), ROWS, plan.padded, dtype=torch.int32, device=inputs.device)
            module.forward_kernel[len(tiles), plan.parts](
                *(x_proj, weight_hh.contiguous(), self.extra_weights, states, saved, keep_mask, exchange),
                *(len(chunk), B, H, tiles.start),
                IS_SAVING=save,
                SPLITS=plan.warps,
                **self.options,
            )
        return saved


class BackwardPass:
    """Backward pass over the chunks of a sequence, the last chunk first.

    Attributes:
        d_inputs: gradient of the inputs [B, T, I], or None.
        d_weights: gradients of weight_ih, weight_hh and bias.
        d_extra: gradients of the extra weights [EXTRAS, H].
        d_state: gradient of the state [STATES, B, H] before the earliest step so far; in the end, of the initial state.

    Args:
        forward_pass: forward pass of the same sequence.
        d_outputs: gradient of each part of the states [B, T, H], then of the final state [B, H]; None if there is none.
        with_inputs: whether the inputs need a gradient.
    """

    def __init__(self, forward_pass: ForwardPass, d_outputs: Sequence[Tensor | None], *, with_inputs: bool) -> None:
        self.forward_pass = forward_pass
        inputs, states, weights = forward_pass.inputs, forward_pass.states, forward_pass.weights
        gradients, d_final_state = d_outputs[: len(states)], d_outputs[len(states) :]
        self._d_states = tuple(part if part is None or part.stride(2) == 1 else part.contiguous() for part in gradients)
        self.d_state = torch.zeros(len(states), *states[0].shape[1:], device=inputs.device)
        for part, gradient in zip(self.d_state, d_final_state, strict=True):
            if gradient is not None:
                part.copy_(gradient)
        self.d_inputs = torch.empty_like(inputs) if with_inputs else None
        self.d_weights: Tensors = ()
        self.d_extra = inputs.new_zeros(len(weights.extra), states[0].shape[2])

    def run(self, chunk: range, saved: Tensor | None) -> None:
        """Go back through a chunk.

        Args:
            chunk: its steps.
            saved: its values from the forward pass; None recomputes them.
        """
        forward_pass, only_sum = self.forward_pass, uses_only_sum(self.forward_pass.cell)
        if saved is None:
            saved = forward_pass.run(chunk, save=True)
        assert saved is not None
        d_x_projs = saved.new_empty(len(chunk), len(forward_pass.inputs), len(forward_pass.weights.bias))
        d_h_projs = None if only_sum else torch.empty_like(d_x_projs)
        self._launch(chunk, saved, d_x_projs, d_h_projs)
        self._add_products(chunk, d_x_projs, d_x_projs if d_h_projs is None else d_h_projs)

    def _launch(self, chunk: range, saved: Tensor, d_x_projs: Tensor, d_h_projs: Tensor | None) -> None:
        forward_pass, plan = self.forward_pass, self.forward_pass.plan
        _, B, _, H = saved.shape
        d_states = [None if part is None else part[:, chunk.start :] for part in self._d_states]
        strides = [(0, 0) if part is None else part.stride()[:2] for part in d_states]
        states = tuple(part[chunk.start :] for part in forward_pass.states)
        keep_mask = None if forward_pass.keep_mask is None else forward_pass.keep_mask[chunk.start :]
        tile_groups = plan.tile_groups()
        d_extra = saved.new_empty(tile_groups[-1].stop, len(self.d_extra), H)
        for tiles in tile_groups:
            size = 2, len(tiles), plan.parts, ROWS, plan.padded
            exchange = torch.zeros(size, dtype=torch.int32, device=saved.device)
            kernels(forward_pass.cell).backward_kernel[len(tiles), plan.parts](
                *(forward_pass.weights.weight_hh.contiguous(), forward_pass.extra_weights, states, saved, keep_mask),
                *(tuple(d_states), tuple(stride[0] for stride in strides), tuple(stride[1] for stride in strides)),
                *(self.d_state, d_x_projs, d_h_projs, d_extra, exchange),
                *(len(chunk), B, H, tiles.start),
                **forward_pass.options,
            )
        if len(self.d_extra):
            self.d_extra += d_extra.sum(0)

    def _add_products(self, chunk: range, d_x_projs: Tensor, d_h_projs: Tensor) -> None:
        """Add a chunk to the weight gradients, and write its input gradients."""
        forward_pass, steps = self.forward_pass, slice(chunk.start, chunk.stop)
        hidden, keep_mask = forward_pass.states[0][steps], forward_pass.keep_mask
        if keep_mask is not None:
            hidden = hidden * keep_mask[steps].unsqueeze(2)
        inputs = forward_pass.inputs[:, steps].transpose(0, 1)
        d_weights = (
            d_x_projs.flatten(0, 1).T @ inputs.flatten(0, 1),
            d_h_projs.flatten(0, 1).T @ hidden.flatten(0, 1),
            d_x_projs.sum((0, 1)),
        )
        if not self.d_weights:
            self.d_weights = d_weights
        else:
            for total, part in zip(self.d_weights, d_weights, strict=True):
                total += part
        if self.d_inputs is not None:
            self.d_inputs[:, steps] = (d_x_projs @ forward_pass.weights.weight_ih).transpose(0, 1)
