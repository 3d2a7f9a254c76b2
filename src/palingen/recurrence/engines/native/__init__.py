"""Native engine: the whole time loop of any pointwise cell in C++, compiled at first use."""

from palingen.recurrence.engines.native.engine import run, run_layer
from palingen.recurrence.engines.native.library import unsupported_reason

__all__ = ["run", "run_layer", "unsupported_reason"]
