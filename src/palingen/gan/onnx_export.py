"""Export of a generator to ONNX.

B  images, any number      Z  latent dimensions      K  classes
"""

import importlib.util
import logging
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from jaxtyping import Float
from torch import Tensor, nn

from palingen.gan.pretrained import PretrainedGenerator
from palingen.runtime.atomic_io import write_atomically
from palingen.runtime.errors import PalingenError

PACKAGES = ("onnx", "onnxscript")
"""Packages that torch exports with, in the extra `export`."""


def write_onnx(generator: PretrainedGenerator, path: Path) -> None:
    """Write a generator with input `latents` [B, Z + K] and output `images` [B, channels, 28, 28] in [-1, 1].

    Raises:
        PalingenError: the extra `export` is not installed.
        OSError: the file cannot be written.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise PalingenError(f"ONNX export needs {' and '.join(missing)}: pip install 'palingen[export]'")
    example = torch.zeros(2, generator.config.latent_dim + generator.num_classes)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns about itself
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        temporary = Path(folder) / "generator.onnx"
        torch.onnx.export(
            _Clamped(generator.generator.cpu()).eval(),
            (example,),
            str(temporary),
            input_names=["latents"],
            output_names=["images"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        write_atomically(path, temporary.read_bytes())


class _Clamped(nn.Module):
    """Generator whose images are clamped to [-1, 1], as when it is sampled; a linear output may lie beyond."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, latents: Float[Tensor, "B Z_and_K"]) -> Float[Tensor, "B channels 28 28"]:
        return self.generator(latents).clamp(-1, 1)
