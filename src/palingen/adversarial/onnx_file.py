"""A generator as an ONNX file, for other runtimes.

B  images, any number      Z  inputs of the generator (latents, and classes if there are any)
"""

import importlib.util
import logging
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from palingen.adversarial.trained import Trained
from palingen.errors import PalingenError
from palingen.files import write_atomically

NEEDS = ("onnx", "onnxscript")
"""What torch writes ONNX with; the extra `export`."""


def write_onnx(trained: Trained, path: Path) -> None:
    """Write a generator with input `latents` [B, Z] and output `images` [B, channels, 28, 28] in -1 to 1.

    Raises:
        PalingenError: the extra `export` is not installed.
        OSError: the file cannot be written.
    """
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise PalingenError(f"{' and '.join(missing)} missing: ONNX needs the extra, pip install 'palingen[export]'")
    config = trained.config
    example = torch.zeros(2, config.latent_dim + config.classes)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's exporter about itself
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        beside = Path(folder) / "generator.onnx"
        torch.onnx.export(
            trained.generator.cpu().eval(),
            (example,),
            str(beside),
            input_names=["latents"],
            output_names=["images"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        write_atomically(path, beside.read_bytes())
