"""Trained generators as arguments of verbs."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from palingen.gan.pretrained import PretrainedGenerator, load_generator
from palingen.gan.sampling.snapshots import SnapshotStage
from palingen.runtime.numerics import configure_numerics
from palingen.runtime.paths import PRETRAINED_PREFIX

Run = Annotated[str, Parameter(help="Run folder of gan train, or pretrained:NAME.")]

Seed = Annotated[int, Parameter(help="Seed of the latents.")]

LatentNorm = Annotated[
    float | Literal["own"] | None,
    Parameter(
        help="Maximum latent norm, in units of sqrt(Z); 0.95 gives likelier and less varied digits.",
        negative_none="no-",
        metavar="FLOAT",
        show_choices=False,
        show_default=lambda value: "the generator's own",
    ),
]
"""Maximum latent norm: a number, None for no limit, or `own` for that of the run's sampling options."""


def norm_name(max_latent_norm: float | str | None) -> object:
    """Maximum latent norm in the name of a folder; None for the generator's own."""
    return None if max_latent_norm == "own" else max_latent_norm or "any"


def open_generator(
    run: str,
    snapshot: SnapshotStage = "end",
    max_latent_norm: float | Literal["own"] | None = "own",
    *,
    trust_code: bool = False,
) -> PretrainedGenerator:
    """Generator of a RUN argument, with the numerics of its training.

    Raises:
        PalingenError: there is no such generator, its files are damaged, its code is not trusted, or the norm is not
            above 0.
    """
    configure_numerics()
    source = run if run.startswith(PRETRAINED_PREFIX) else Path(run)
    generator = load_generator(source, snapshot, trust_code=trust_code)
    return generator if max_latent_norm == "own" else generator.with_max_latent_norm(max_latent_norm)
