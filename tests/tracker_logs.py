"""Logs of trackers, read back: by TensorBoard's and MLflow's own readers, and from W&B's file with W&B's messages."""

import io
import json
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from palingen.runtime.tracking.trackers import ENVIRONMENT

RECORD_TYPES = {"full": 1, "first": 2, "middle": 3, "last": 4}

BLOCK = 32768
"""Bytes of a block of W&B's file, which has the layout of LevelDB's logs."""


@dataclass
class Log:
    """Content of a log."""

    config: dict[str, Any] = field(default_factory=dict)

    numbers: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    """Position and value of each entry, by name, in the order in which they were logged."""

    final: dict[str, float] = field(default_factory=dict)

    images: dict[int, np.ndarray] = field(default_factory=dict)
    """By step."""

    state: str | int | None = None
    """State of the run in the library."""


def is_final(name: str) -> bool:
    return name.startswith(("result/", "score/"))


def read_tensorboard(run: Path) -> Log:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0, "images": 0}).Reload()
    log = Log()
    for name in events.Tags()["scalars"]:
        log.numbers[name] = [(event.step, event.value) for event in events.Scalars(name)]
    for name in [*filter(is_final, log.numbers)]:
        ((_, log.final[name]),) = log.numbers.pop(name)
    for name in events.Tags()["images"]:
        images = events.Images(name)
        log.images = {
            event.step: np.array(Image.open(io.BytesIO(event.encoded_image_string)))[..., 0] for event in images
        }
        assert len(log.images) == len(images)
    content = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    for name, value in HParamsPluginData.FromString(content).session_start_info.hparams.items():
        log.config[name] = getattr(value, value.WhichOneof("kind"))
    return log


def read_mlflow(run: Path, store: Path | None = None) -> Log:
    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    from mlflow import MlflowClient

    client = MlflowClient((store or run / "mlflow").as_uri())
    experiment = client.get_experiment_by_name("palingen")
    (content,) = client.search_runs([experiment.experiment_id])
    log = Log(content.data.params, state=content.info.status)
    for name in content.data.metrics:
        history = client.get_metric_history(content.info.run_id, name)
        log.numbers[name] = [(metric.step, metric.value) for metric in history]
    for name in [*filter(is_final, log.numbers)]:
        ((_, log.final[name]),) = log.numbers.pop(name)
    for artifact in client.list_artifacts(content.info.run_id, "images"):
        if artifact.path.endswith(".png"):
            step = int(artifact.path.split("+")[2])
            assert step not in log.images
            path = client.download_artifacts(content.info.run_id, artifact.path)
            log.images[step] = np.array(Image.open(path).convert("L"))
    return log


def read_wandb(run: Path) -> Log:
    (folder,) = (run / "wandb").glob("offline-run-*")
    (path,) = folder.glob("*.wandb")
    log = Log()
    for record in wandb_records(path):
        for item in [*record.run.config.update, *record.config.update]:
            log.config[item.key] = json.loads(item.value_json)
        values = {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        axis = {"epoch": "epoch", "monitor": "epoch", "step": "step"}
        for name, value in values.items():
            kind, _, number = name.partition("/")
            if kind in axis and number:
                log.numbers.setdefault(name, []).append((values[axis[kind]], value))
        if "samples/path" in values:
            assert values["step"] not in log.images
            image = Image.open(folder / "files" / values["samples/path"])
            log.images[values["step"]] = np.array(image.convert("L"))
        summary = {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.summary.update}
        log.final |= {name: value for name, value in summary.items() if is_final(name)}
        if record.HasField("exit"):
            log.state = record.exit.exit_code
    log.config.pop("_wandb", None)  # its own, missing in a log that was cut short
    return log


def wandb_records(path: Path) -> list[Any]:
    """Messages of a file: after a header of 7 bytes, records of CRC, length, type and content, in blocks."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, position, parts, records = path.read_bytes(), 7, b"", []
    assert content[:4] == b":W&B"
    while position < len(content):
        if BLOCK - position % BLOCK < 7:
            position += BLOCK - position % BLOCK
            continue
        _, size, kind = struct.unpack("<IHB", content[position : position + 7])
        parts += content[position + 7 : position + 7 + size]
        position += 7 + size
        if kind in (RECORD_TYPES["full"], RECORD_TYPES["last"]):
            records.append(Record.FromString(parts))
            parts = b""
    return records


READERS = {"tensorboard": read_tensorboard, "mlflow": read_mlflow, "wandb": read_wandb}
