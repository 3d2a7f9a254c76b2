"""Default sampling options of a generator, in a file beside its weights."""

from pathlib import Path

from palingen.runtime.atomic_io import write_json
from palingen.runtime.json_io import read_json

FILE_NAME = "sampling.json"


def write_sampling_options(folder: Path, max_latent_norm: float | None) -> None:
    """Write the default sampling options of the generator in `folder`.

    Args:
        folder: the generator's folder.
        max_latent_norm: maximum latent norm, in units of sqrt(Z); None for no limit.
    """
    write_json(folder / FILE_NAME, {"max_latent_norm": max_latent_norm})


def read_max_latent_norm(folder: Path) -> float | None:
    """Maximum latent norm of the generator in `folder`, in units of sqrt(Z); None without options.

    Raises:
        DataError: the file is damaged.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    shape = {"max_latent_norm": (float, None)}
    norm: float | None = read_json(path, shape, advice="delete it to sample without options")["max_latent_norm"]
    return norm
