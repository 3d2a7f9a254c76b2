"""`palingen explore`."""

import json
import threading
import urllib.error
import urllib.request

import pytest

from palingen.cli import explore


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


def test_a_served_page_is_the_only_file_of_its_folder(tmp_path, capsys):
    (tmp_path / "page.html").write_text("<p>digits</p>")
    (tmp_path / "secret.txt").write_text("secret")
    thread = threading.Thread(
        target=explore.serve_page, args=(tmp_path / "page.html",), kwargs={"open_browser": False}, daemon=True
    )
    thread.start()
    url = ""
    while not url:
        url = capsys.readouterr().err.partition(" ")[0]
    assert url.startswith("http://127.0.0.1:")
    assert urllib.request.urlopen(url).read() == b"<p>digits</p>"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(url.replace("page.html", "secret.txt"))


@pytest.mark.parametrize(
    ("run", "message"), [("nowhere", "nowhere: not a run folder"), ("pretrained:curse", "did you mean 'course'")]
)
def test_an_unknown_generator_is_named_in_one_line(palingen, error_line, run, message):
    assert message in error_line(palingen("explore", run, "--no-open"))
