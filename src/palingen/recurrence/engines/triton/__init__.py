"""Triton engine: the whole time loop of any pointwise cell in one launch, compiled at first use; float32 on CUDA."""

from palingen.recurrence.engines.triton.engine import run, unsupported_reason

__all__ = ["run", "unsupported_reason"]
