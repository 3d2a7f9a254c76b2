"""Native engine: the whole training step of two fully connected networks in C++ (`mlp_step.cpp`), Adam included."""

from palingen.gan.steps.native.engine import NativeStep

__all__ = ["NativeStep"]
