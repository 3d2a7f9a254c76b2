"""Training step as a CUDA graph: its kernels, which take microseconds each, are launched together.

B  images
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor, nn

from palingen.gan.steps.protocol import StepMetrics

WARMUP_STEPS = 3
"""Steps without the graph before it is recorded, in which libraries and allocator set up what they keep."""

StepFunction = Callable[[Int64[Tensor, " B"], Float[Tensor, ""]], StepMetrics]
"""`(batch, penalty_weight) -> metrics`; all else that it reads or changes stays at the same address."""


class StepGraph:
    """Training step that is recorded once and replayed from then on, with the same results.

    A batch of another size than the first, such as the last one of an epoch, takes the step without the graph.

    Args:
        step: step to record.
        generator: random generator of the step, on the device.
        parameters: parameters whose `.grad` the step writes.
    """

    def __init__(self, step: StepFunction, generator: Generator, parameters: Sequence[nn.Parameter]) -> None:
        self.step, self.generator, self.parameters = step, generator, parameters
        self._gradients: list[Tensor | None] = []
        self._graph = torch.cuda.CUDAGraph()
        self._penalty_weight = torch.zeros((), device=generator.device)
        self._previous_weight = 0.0
        self._batch: Tensor | None = None
        self._metrics: StepMetrics | None = None
        self._warmup_steps = 0

    def __call__(self, batch: Int64[Tensor, " B"], penalty_weight: float) -> StepMetrics:
        """Take one step; the metrics are overwritten by the next."""
        if penalty_weight != self._previous_weight:
            self._penalty_weight.fill_(penalty_weight)
            self._previous_weight = penalty_weight
        if self._batch is None:
            self._batch = batch.clone()
        if batch.shape != self._batch.shape or self._warmup_steps < WARMUP_STEPS:
            self._warmup_steps += 1
            return self.step(batch, self._penalty_weight)
        self._batch.copy_(batch)
        if self._metrics is None:
            self._metrics = self._record(self._batch)
        self._graph.replay()
        for parameter, gradient in zip(self.parameters, self._gradients, strict=True):
            parameter.grad = gradient  # a step without the graph has set others
        return self._metrics

    def _record(self, batch: Tensor) -> StepMetrics:
        """Record the step without taking it."""
        self._graph.register_generator_state(self.generator)
        with torch.cuda.graph(self._graph):
            metrics = StepMetrics(*(metric.detach() for metric in self.step(batch, self._penalty_weight)))
        self._gradients = [parameter.grad for parameter in self.parameters]
        return metrics
