"""`palingen explore`."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from palingen.cli import explore
from palingen.cli.options import print_result
from palingen.gan.pretrained import load_generator
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.train import train_palindrome
from palingen.runtime.paths import PRETRAINED_DIR


def test_the_page_is_one_html_file_in_out(palingen, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    result = json.loads(palingen("explore", "pretrained:course", "--out", "page", "--no-open", "--json").stdout)
    assert result["models"] == ["course"]
    assert result["files"] == ["page/explorer.html"]
    page = (tmp_path / "page" / "explorer.html").read_text()
    assert len(page) / 1e6 == pytest.approx(result["megabytes"], rel=0.01)
    assert opened == []
    assert palingen("explore").returncode == 0
    assert opened == [(tmp_path / "runs" / "explore" / "explorer.html").as_uri()]


def test_a_served_page_is_not_opened_from_the_disk(palingen, tmp_path, monkeypatch):
    served = []
    monkeypatch.setattr(explore, "serve_page", lambda path, open_browser: served.append((path, open_browser)))
    monkeypatch.setattr(explore, "build_page", lambda *models: "<p>digits</p>")
    assert palingen("explore", "--serve", "--no-open").returncode == 0
    assert served == [(Path("runs") / "explore" / "explorer.html", False)]


def test_a_run_in_a_folder_of_any_name_is_explored_and_named_literally(palingen, tmp_path, capsys):
    name = '"><img src=x onerror=alert(1)><!--<script>a[bold]$b^$ :smile:'
    folder = shutil.copytree(PRETRAINED_DIR / "course", tmp_path / name)
    (folder / "config.json").write_text(json.dumps({"kind": "GanConfig", **asdict(load_generator("course").config)}))
    result = palingen("explore", f"./{name}", "--no-open", "--out", "[/red]", "--json")
    assert json.loads(result.stdout)["models"] == [name]
    print_result({"models": [name]}, False, title="[/red]")
    assert name in capsys.readouterr().out


@pytest.fixture
def network_run(tmp_path):
    """A finished run of palindrome train."""
    train_palindrome(PalindromeConfig(cell="gru", num_samples=200, hidden_size=8, epochs=1), tmp_path / "mine")


def test_only_one_tab_is_written_on_request(palingen, tmp_path, network_run):
    options = ("--no-open", "--json", "--out", "page")
    memory = json.loads(palingen("explore", "--only", "memory", *options).stdout)
    assert memory["models"] == []
    assert memory["networks"][:3] == ["lstm-memory", "gru-memory", "rnn-memory"]
    assert memory["megabytes"] < 3
    mine = json.loads(palingen("explore", "mine", "pretrained:rnn-memory", "--only", "memory", *options).stdout)
    assert mine["networks"] == ["mine", "rnn-memory"]
    page = (tmp_path / "page" / "explorer.html").read_text()
    assert "lab-memory" in page
    assert 'id="lab-digits"' not in page


def test_a_run_of_the_other_tab_is_refused(palingen, error_line, network_run):
    message = error_line(palingen("explore", "mine", "--only", "digits", "--no-open"))
    assert "only='digits': mine belongs to the tab memory" in message
    message = error_line(palingen("explore", "pretrained:course", "--only", "memory", "--no-open"))
    assert "only='memory': pretrained:course belongs to the tab digits" in message


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("nowhere", "nowhere: not a run folder"),
        ("pretrained:curse", "did you mean 'course'"),
        ("pretrained:lstmm", "did you mean 'lstm'"),
    ],
)
def test_an_unknown_generator_is_named_in_one_line(palingen, error_line, run, message):
    assert message in error_line(palingen("explore", run, "--no-open"))
