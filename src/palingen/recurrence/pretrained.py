"""Trained networks, from a run folder, from a file, or shipped with the package."""

from pathlib import Path
from typing import Literal

from palingen.recurrence.config import PalindromeConfig, build_network
from palingen.recurrence.layers import SequenceClassifier
from palingen.runtime.config_io import parse_config
from palingen.runtime.errors import PalingenError
from palingen.runtime.global_random_state import kept_random_state
from palingen.runtime.kept_code import trust_kept_code
from palingen.runtime.paths import PRETRAINED_DIR, PRETRAINED_PREFIX
from palingen.runtime.run_files import read_config, require_same_config
from palingen.runtime.safetensors_header import load_metadata
from palingen.runtime.safetensors_io import load_state
from palingen.runtime.validation import unknown_choice

PRETRAINED_NETWORKS = PRETRAINED_DIR / "palindromes"
"""Folder of the shipped networks: each has the weights of three stages, and its scores."""

FILE_SUFFIX = ".safetensors"

Stage = Literal["start", "middle", "end"]
"""Stage of a training: the untrained network, half of the epochs, the final weights."""


def shipped_networks() -> list[str]:
    """Names of the shipped networks."""
    return sorted(folder.name for folder in PRETRAINED_NETWORKS.iterdir() if folder.is_dir())


def load_network(
    run: str | Path, stage: Stage = "end", *, trust_code: bool = False
) -> tuple[PalindromeConfig, SequenceClassifier]:
    """Config and trained network.

    Args:
        run: name of a shipped network, with or without `pretrained:` before it; a run folder; or a safetensors file
            with the config in its metadata, as a run folder has and the browser page saves.
        stage: stage of the training; run folders have no `middle`, and files only the `end`.
        trust_code: execute the code that the run keeps, if its cell is not one of the package's.

    Raises:
        PalingenError: there is no such network or stage, its files are damaged, or its code is not trusted.
    """
    name, path = str(run).removeprefix(PRETRAINED_PREFIX), Path(run)
    if str(run).startswith(PRETRAINED_PREFIX) or (isinstance(run, str) and name in shipped_networks()):
        if name not in shipped_networks():
            raise PalingenError(f"{run}: {unknown_choice(name, shipped_networks())}")
        return _load_file(PRETRAINED_NETWORKS / name / f"{stage}{FILE_SUFFIX}", trust_code=False)
    if path.suffix == FILE_SUFFIX and stage == "end":
        return _load_file(path, trust_code)
    if isinstance(run, str) and name == path.name and not path.exists():
        raise PalingenError(f"{name!r} is neither a run folder nor a shipped network ({', '.join(shipped_networks())})")
    config = trust_kept_code(read_config(path, PalindromeConfig), path, "cell", trust_code=trust_code)
    if stage == "start":
        return config, _build(config)
    if stage == "middle":
        raise PalingenError(f"stage='middle': {path} keeps only the final weights")
    weights = path / f"weights{FILE_SUFFIX}"
    model = _load_weights(config, weights)
    require_same_config(config, weights)
    return config, model


def _load_file(path: Path, trust_code: bool) -> tuple[PalindromeConfig, SequenceClassifier]:
    config = parse_config(load_metadata(path), PalindromeConfig, path)
    config = trust_kept_code(config, path.parent, "cell", trust_code=trust_code)
    return config, _load_weights(config, path)


def _load_weights(config: PalindromeConfig, path: Path) -> SequenceClassifier:
    model = _build(config)
    load_state(model, path)
    return model


def _build(config: PalindromeConfig) -> SequenceClassifier:
    with kept_random_state():
        return build_network(config)
