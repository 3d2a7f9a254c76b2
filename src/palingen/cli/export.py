"""`palingen gan export`: a generator for other runtimes."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from palingen.cli.generators import Run, open_generator
from palingen.cli.options import OutputFlags, OutputOptions, TrustCode, print_result
from palingen.gan.onnx_export import write_onnx


def export(
    run: Run,
    /,
    *,
    format: Annotated[Literal["onnx"], Parameter(help="File format.")] = "onnx",  # noqa: A002 (the flag's name)
    trust_code: TrustCode = False,
    output: OutputFlags = OutputOptions(),
) -> None:
    """Export a trained generator: any number of latents to images in -1 to 1."""
    generator = open_generator(run, trust_code=trust_code)
    path = (output.out or Path("runs") / "export" / generator.name) / f"generator.{format}"
    write_onnx(generator, path)
    inputs = generator.config.latent_dim + generator.num_classes
    record = {"inputs": inputs, "megabytes": path.stat().st_size / 1e6, "files": [path]}
    print_result(record, output.json, title="Export")
