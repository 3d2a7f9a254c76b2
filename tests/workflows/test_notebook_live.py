"""Live figures of real trainings; only the display of the notebook is replaced."""

import sys
import threading
import time
from dataclasses import replace
from importlib import import_module
from types import SimpleNamespace

import pytest

from palingen.gan.config import GanConfig
from palingen.gan.train import train_gan
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.train import train_palindrome
from palingen.report import figures
from palingen.runtime.run_files import read_records
from palingen.workflows.notebook_display import live

module = import_module("palingen.workflows.notebook_display.live")

SMALL = PalindromeConfig(epochs=2, num_samples=200, hidden_size=4)


@pytest.fixture
def outputs(monkeypatch):
    """Outputs below the cell, each with its pictures in order."""
    shown = []

    def display(content, **options):
        pictures = [content["image/png"]] if "image/png" in content else []  # the other is the line of progress
        if pictures:
            shown.append(pictures)
        return SimpleNamespace(update=lambda content, **options: pictures.append(content.get("image/png")))

    shell = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=True), version_info=(9, 0, 0))
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    monkeypatch.setattr(module, "INTERVAL_S", 0.01)
    return shown


def drawing():
    return module.THREAD_NAME in {thread.name for thread in threading.enumerate()}


def curves(run):
    return figures.png(figures.palindrome_curves({"lstm T = 5": read_records(run)}))


def test_curves_appear_while_the_training_runs_and_end_complete(outputs, tmp_path):
    with live(tmp_path):
        train_palindrome(SMALL, tmp_path)
        deadline = time.monotonic() + 60
        while not outputs and time.monotonic() < deadline:
            time.sleep(0.01)
        assert outputs
    assert [pictures[-1] for pictures in outputs] == [curves(tmp_path)]
    assert not drawing()


def test_an_output_is_replaced_when_there_are_more_records_and_half_a_line_waits(outputs, tmp_path):
    train_palindrome(SMALL, tmp_path)
    records = tmp_path / "records.jsonl"
    first, second, _ = records.read_bytes().splitlines(keepends=True)
    records.write_bytes(b"")
    view = module.LiveView(tmp_path)
    view.update()
    assert outputs == []
    for content in (first, first + second[:20], first + second):
        records.write_bytes(content)
        view.update()
        view.update()
    assert len(outputs) == 1
    assert len(outputs[0]) == 2
    assert outputs[0][0] != outputs[0][1] == curves(tmp_path)


def test_earlier_runs_are_not_shown(outputs, tmp_path):
    train_palindrome(SMALL, tmp_path)
    with live(tmp_path):
        pass
    assert outputs == []


def test_a_gan_shows_its_curves_and_its_latest_images(outputs, tmp_path, few_digits):
    with live(tmp_path):
        train_gan(GanConfig(epochs=1, data=str(few_digits), save_interval=2), tmp_path)
    assert [pictures[-1] for pictures in outputs] == [
        figures.png(figures.gan_curves(read_records(tmp_path))),
        (tmp_path / "snapshots" / "step-0000004.png").read_bytes(),
    ]


def test_a_study_shows_all_its_runs_in_one_figure(outputs, tmp_path):
    with live(tmp_path):
        for cell, length in (("rnn", 5), ("lstm", 12), ("lstm", 5)):
            train_palindrome(replace(SMALL, cell=cell, length=length), tmp_path / f"{cell}-T{length}-seed0")
    labels = {"lstm T = 5": "lstm-T5-seed0", "lstm T = 12": "lstm-T12-seed0", "rnn T = 5": "rnn-T5-seed0"}
    records = {label: read_records(tmp_path / name) for label, name in labels.items()}
    assert [pictures[-1] for pictures in outputs] == [figures.png(figures.palindrome_curves(records))]


def test_an_error_in_the_block_ends_the_display(outputs, tmp_path):
    with pytest.raises(KeyError, match="mine"), live(tmp_path):
        raise KeyError("mine")
    assert not drawing()


def test_outside_a_notebook_nothing_is_shown(tmp_path, capsys):
    with live(tmp_path):
        train_palindrome(SMALL, tmp_path)
        assert not drawing()
    assert capsys.readouterr().out == ""
