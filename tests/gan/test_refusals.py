"""Trainings that are refused before a folder is made or emptied, in every process alike."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import torch

from palingen.gan import train as train_module
from palingen.gan.data.dataset_info import DatasetInfo, write_info
from palingen.gan.train import train_gan
from palingen.runtime.distributed import ProcessGroup
from palingen.runtime.errors import ConfigError, DataError, PalingenError
from palingen.runtime.run_folder import RunFolder
from palingen.runtime.safetensors_io import load_weights

CPU = torch.device("cpu")

SECOND_OF_TWO = ProcessGroup(CPU, rank=1, world_size=2)
"""A process that is connected to no other, so that it cannot wait for the main one."""


@pytest.fixture
def unlabelled(tmp_path):
    """A file of 200 images without classes."""
    np.save(tmp_path / "unlabelled.npy", np.zeros((200, 28, 28), np.uint8))
    return str(tmp_path / "unlabelled.npy")


def test_force_keeps_a_finished_run_until_the_new_one_is_known_to_be_valid(tmp_path, config, unlabelled):
    train_gan(replace(config, epochs=1), tmp_path / "run", CPU)
    for settings, engine, message in (
        ({}, "penalty-jvp", "^engine='penalty-jvp': needs a penalty"),
        ({"data": unlabelled, "keep": "best", "monitor_samples": 100}, "auto", "^keep='best': needs the monitor"),
        ({"data": unlabelled, "frechet_steps": 1}, "auto", "^frechet_steps=1: needs images of several classes"),
    ):
        with pytest.raises(PalingenError, match=message):
            train_gan(replace(config, **settings), tmp_path / "run", CPU, engine=engine, force=True)
    assert load_weights(tmp_path / "run" / "weights.safetensors")


def test_every_process_refuses_what_the_main_one_refuses(tmp_path, config, unlabelled, monkeypatch):
    best = replace(config, data=unlabelled, keep="best", monitor_samples=100)
    with pytest.raises(DataError, match=r"^keep='best': needs the monitor"):
        train_gan(best, tmp_path / "run", process_group=SECOND_OF_TWO)
    write_info(tmp_path, DatasetInfo("fruit", ("fig", "kiwi"), "ab" * 32))
    run = RunFolder(tmp_path, config, is_main=False)
    monkeypatch.setattr(train_module, "_open_together", lambda *_: closing(run))
    with pytest.raises(DataError, match="its images have changed since the run"):
        train_gan(config, tmp_path, process_group=SECOND_OF_TWO)


def test_a_batch_of_fewer_than_two_images_for_each_process_is_refused(tmp_path, config):
    with pytest.raises(ConfigError, match=r"^batch_size=3: must be at least 4 with 2 processes$"):
        train_gan(replace(config, batch_size=3), tmp_path / "run", process_group=SECOND_OF_TWO)
    assert not (tmp_path / "run").exists()
