"""`palingen explore`."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from palingen.cli import explore
from palingen.cli.options import print_result
from palingen.gan.pretrained import load_generator
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
    monkeypatch.setattr(explore, "build_page", lambda generators: "<p>digits</p>")
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


@pytest.mark.parametrize(
    ("run", "message"), [("nowhere", "nowhere: not a run folder"), ("pretrained:curse", "did you mean 'course'")]
)
def test_an_unknown_generator_is_named_in_one_line(palingen, error_line, run, message):
    assert message in error_line(palingen("explore", run, "--no-open"))
