"""Record files: runs, studies and scores, with one-line errors that name the file.

Reads without the training code, which needs torch.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from palingen.report.record_shapes import CONFIGS, RECORDS
from palingen.runtime import json_io
from palingen.runtime.errors import DataError
from palingen.runtime.json_io import Shape, damaged

Record = Mapping[str, Any]

ADVICE = "make it again with this version"
"""What to do about a damaged record."""

MAX_HEADER_BYTES = 2**20
"""Largest header of a safetensors file that is read."""


def read_optional(path: Path, shape: Shape = object) -> Any:
    """Content of a JSON file of the given shape; None if there is no such file.

    Raises:
        DataError: the file is damaged.
    """
    return json_io.read_json(path, shape, advice=ADVICE) if path.exists() else None


def read_config(folder: Path) -> Record:
    """Config of a run.

    Raises:
        DataError: it is missing, damaged, or of another version.
    """
    path = folder / "config.json"
    config: Record = json_io.read_json(path, {"kind": str}, advice=ADVICE)
    if config["kind"] not in CONFIGS:
        raise DataError(f"{path}: kind={config['kind']!r}: made by another version of palingen; {ADVICE}")
    _require_shape(path, config, CONFIGS[config["kind"]])
    return config


def read_run_records(folder: Path, kind: str) -> list[Record]:
    """Records of a run, oldest first.

    Args:
        folder: its run folder.
        kind: kind of its config.

    Raises:
        DataError: the records are missing or damaged.
    """
    path = folder / "records.jsonl"
    records: list[Record] = json_io.read_json_lines(path, {"kind": str}, advice=ADVICE)
    for record in records:
        if record["kind"] not in RECORDS[kind]:
            raise damaged(path, f"a record of the kind {record['kind']!r:.40}", ADVICE)
        _require_shape(path, record, RECORDS[kind][record["kind"]])
    return records


def read_shipped_config(weights: Path) -> Record | None:
    """Config in the header of a safetensors file; None if there is no such file.

    Raises:
        DataError: the file is damaged.
    """
    if not weights.exists():
        return None
    with weights.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = file.read(min(size, MAX_HEADER_BYTES))
    try:
        text: str = json.loads(header)["__metadata__"]["config"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(weights, f"its header has no config: {error!r:.40}", ADVICE) from error
    config: Record = json_io.parse_json(text, weights, {"kind": str}, advice=ADVICE)
    return config


def _require_shape(path: Path, value: Any, shape: Shape) -> None:
    try:
        json_io.require_shape(value, shape)
    except ValueError as error:
        raise damaged(path, str(error), ADVICE) from error
