"""Logs in all three libraries, read back: they hold what the run's own records and snapshots hold."""

import json
import socket
from dataclasses import asdict

import numpy as np
import pytest
import torch
from PIL import Image
from tracker_logs import READERS

from palingen.gan.config import GanConfig
from palingen.gan.train import train_gan
from palingen.runtime.errors import PalingenError
from palingen.runtime.run_files import list_snapshots, read_records
from palingen.runtime.tracking.run_tracking import log_scores
from palingen.runtime.tracking.trackers import AXES, require_trackers

SETTINGS = {"batch_size": 50, "save_interval": 6, "log_interval": 3, "latent_dim": 8, "monitor_samples": 100}


@pytest.fixture(scope="module")
def config(few_digits):
    return GanConfig(data=str(few_digits), epochs=3, **SETTINGS)


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    """A GAN's run with logs in all libraries, during which no address of a network was connected to."""
    folder, connect, addresses = tmp_path_factory.mktemp("run") / "gan", socket.socket.connect, []

    def connect_locally(sock, address):
        if sock.family != socket.AF_UNIX:
            addresses.append(address)
        return connect(sock, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_locally)
        train_gan(config, folder, torch.device("cpu"), trackers=[*READERS])
        for _ in range(2):  # of equal scores, the second are no news
            log_scores(folder, config, "score", {"fd": 12.5, "recall": 0.5, "second_fd": None})
    assert addresses == []
    return folder


@pytest.fixture(scope="module", params=READERS)
def log(request, run):
    return READERS[request.param](run)


def test_a_log_holds_every_number_of_the_records_once_and_at_its_position(log, run):
    expected: dict[str, list[tuple[int, float]]] = {}
    for record in read_records(run):
        kind = record.pop("kind")
        position = record.pop(AXES.get(kind, ""), None)
        for name, value in record.items() if kind != "result" else ():
            if isinstance(value, float | int):
                expected.setdefault(f"{kind}/{name}", []).append((position, pytest.approx(value, rel=1e-6)))
    assert {"step/generator_loss", "monitor/fd"} <= {*expected}
    assert log.numbers == expected


def test_a_log_holds_the_result_and_the_scores_as_final_numbers(log, run):
    result = read_records(run)[-1]
    expected = {f"result/{name}": value for name, value in result.items() if type(value) in (int, float)}
    assert log.final == pytest.approx({**expected, "score/fd": 12.5, "score/recall": 0.5}, rel=1e-6)


def test_a_log_holds_the_grids_of_all_snapshots(log, run):
    assert {*log.images} == {0, 6, 12}
    for step, path in list_snapshots(run).items():
        assert np.array_equal(log.images[step], np.array(Image.open(path)))


def test_a_log_holds_the_config(log, config):
    settings = {name: value for name, value in asdict(config).items() if name != "data"}
    assert log.config["loss"] == config.loss
    for name, value in settings.items():
        assert log.config[name] in (value, str(value)), name


def test_a_log_is_closed_as_finished(log):
    assert log.state in (None, "FINISHED", 0)


def test_a_log_in_wandb_says_nothing_about_the_machine(run):
    content = b"".join(path.read_bytes() for path in run.glob("wandb/offline-run-*/*.wandb"))
    assert len(content) > 1000
    assert socket.gethostname().encode() not in content or len(socket.gethostname()) < 4
    assert not list(run.glob("wandb/offline-run-*/files/*.*"))


def test_the_state_of_the_logs_is_noted_in_the_run_folder(run):
    state = json.loads((run / "tracking.json").read_text())
    assert state["scores"] == [{"kind": "score", "fd": 12.5, "recall": 0.5, "second_fd": None}]
    records = len(read_records(run)) + 1
    assert {name: (log["records"], log["image_step"], log["problem"]) for name, log in state["logs"].items()} == (
        dict.fromkeys(READERS, (records, 12, None))
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mlflo", r"trackers: unknown 'mlflo'; did you mean 'mlflow'\?"),
        ("wandb", r"trackers='wandb': needs the package 'wandb', which is not installed .*palingen\[wandb\]"),
    ],
)
def test_an_unknown_tracker_and_one_that_is_not_installed_are_refused(name, message, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(PalingenError, match=message):
        require_trackers([name])


def test_a_folder_of_the_name_of_a_package_is_not_taken_for_it(tmp_path, monkeypatch):
    (tmp_path / "mlflow").mkdir()
    monkeypatch.delitem(__import__("sys").modules, "mlflow", raising=False)
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    with pytest.raises(PalingenError, match="not installed"):
        require_trackers(["mlflow"])
