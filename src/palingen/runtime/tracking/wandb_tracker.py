"""Weights & Biases: offline, in the folder `wandb` of a run, unless WANDB_MODE says otherwise.

W&B cannot go on with a run offline: of two folders of one run, the upload of the second replaces that of the first. So
each start sends everything to a new folder, and removes the older ones.

h, w  pixels
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb
from jaxtyping import UInt8
from numpy import ndarray

from palingen.runtime.tracking.protocol import TrackedRun, Tracker
from palingen.runtime.tracking.trackers import AXES, IMAGES, PROJECT

SETTINGS = {
    "console": "off",
    "silent": True,
    "disable_code": True,
    "disable_git": True,
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
}
"""Log only what is sent: nothing about the machine and who uses it. Names that a version does not know are left out."""


def open_log(run: TrackedRun) -> Tracker:
    """Open the log of a run."""
    return WandbTracker(run)


class WandbTracker:
    """Log of one run in W&B."""

    def __init__(self, run: TrackedRun) -> None:
        self._folder = run.folder / "wandb"
        self._folder.mkdir(exist_ok=True)  # W&B would take a temporary folder instead
        mode: Any = os.environ.get("WANDB_MODE", "offline")
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=run.folder.name,
            id=run.run_id,
            dir=run.folder,
            config=dict(run.settings),
            mode=mode,
            resume=None if mode == "offline" else "allow",
            reinit="create_new",  # leaves a run of the caller alone
            settings=wandb.Settings(**{key: SETTINGS[key] for key in SETTINGS if key in wandb.Settings.model_fields}),
        )
        self.run_id, self.is_new = self._run.id, not self._run.resumed
        for kind, axis in {**AXES, IMAGES: "step"}.items():
            self._run.define_metric(axis, hidden=True)
            self._run.define_metric(kind if kind == IMAGES else f"{kind}/*", step_metric=axis)

    def log(self, numbers: Mapping[str, float], axis: str | None, position: int) -> None:
        """Add numbers to the history, or final ones to the summary."""
        if axis is None:
            self._run.summary.update(dict(numbers))
        else:
            self._run.log({axis: position, **numbers})

    def log_image(self, name: str, pixels: UInt8[ndarray, "h w"], step: int) -> None:
        """Add grey levels to the history."""
        self._run.log({"step": step, name: wandb.Image(pixels)})

    def close(self, finished: bool) -> None:
        """Finish the run, and remove the older folders that its own replaces."""
        own, offline = Path(self._run.dir).parent, self._run.offline
        self._run.finish(exit_code=0 if finished else 1)
        # W&B numbers the folders of starts in the same second
        for folder in self._folder.glob(f"offline-run-*-{self.run_id}*") if offline else ():
            if folder != own:
                shutil.rmtree(folder)
