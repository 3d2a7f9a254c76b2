"""Header of a safetensors file: the config that its weights were trained with. Reads without torch."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from palingen.runtime.errors import RunError
from palingen.runtime.json_io import parse_json

MISSING = "missing; if the run is unfinished, run the same train command again"
"""What to say of a weights file that is not there."""


def load_metadata(path: Path) -> dict[str, Any]:
    """Config in the metadata of a safetensors file, with its `kind`.

    Raises:
        RunError: the file is missing or damaged, or has no config.
    """
    if not path.exists():
        raise RunError(f"{path}: {MISSING}")
    try:
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {})["config"]
    except (OSError, SafetensorError, KeyError) as error:
        raise RunError(f"{path}: missing or damaged ({error})") from error
    config: dict[str, Any] = parse_json(text, path, {"kind": str})
    return config
