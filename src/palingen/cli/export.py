"""`palingen gan export`: a generator for other runtimes."""

from pathlib import Path
from typing import Literal

from palingen.adversarial.onnx_file import write_onnx
from palingen.adversarial.trained import PREFIX, load
from palingen.cli.terminal import Where, WhereFlags, say
from palingen.runs import choose_device


def export(run: str, /, *, format: Literal["onnx"] = "onnx", where: WhereFlags = Where()) -> None:  # noqa: A002 (the flag's name)
    """Write a trained generator for other runtimes: any number of latents in, images in -1 to 1 out.

    Parameters
    ----------
    run:
        Folder of a finished run, or pretrained:NAME.
    format:
        Of the file.
    where:
        Where to write.
    """
    choose_device("cpu")
    trained = load(run if run.startswith(PREFIX) else Path(run))
    path = (where.out or Path("runs") / "export" / trained.name) / f"generator.{format}"
    write_onnx(trained, path)
    inputs = trained.config.latent_dim + trained.config.classes
    say({"inputs": inputs, "megabytes": path.stat().st_size / 1e6, "files": [path]}, where, title="Export")
