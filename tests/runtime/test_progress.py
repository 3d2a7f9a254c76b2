import contextlib
import os
import pty
import subprocess
import sys
from types import SimpleNamespace

from palingen.runtime import progress as module
from palingen.runtime.progress import progress

SCRIPT = (
    "import time\n"
    "from palingen.runtime.progress import progress\n"
    "with progress('lstm T=20 seed 0', 3000, 'steps') as bar:\n"
    "    for done in (1000, 2000, 3000):\n"
    "        time.sleep(0.3)\n"
    "        bar.advance(done, loss=0.123, test_accuracy=done / 3000)\n"
)


def test_without_a_terminal_plain_lines_go_to_standard_error(capsys, monkeypatch):
    monkeypatch.setattr(module, "LINE_INTERVAL_S", 0)
    with progress("work", 4, "steps", done=1) as bar:
        for done in (2, 3, 4):
            bar.advance(done, loss=0.5)
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 3
    assert err.splitlines()[0].startswith("work: 2/4 steps")
    assert "loss 0.5" in err


def read_all(terminal: int) -> str:
    """Everything that a terminal shows until the other side closes it."""
    parts = []
    with contextlib.suppress(OSError):  # Linux raises it when the other side has closed
        while part := os.read(terminal, 4096):
            parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode()


def test_a_terminal_shows_a_bar_with_metrics():
    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    command = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(command, stderr=child, stdout=subprocess.DEVNULL, env=environment):
        os.close(child)
        shown = read_all(parent)
    assert "3000/3000" in shown
    assert "test accuracy 1" in shown
    assert "…" not in shown
    assert "\x1b[" in shown


def test_a_notebook_shows_one_line_that_is_updated(capsys, monkeypatch):
    shown = []

    class Handle:
        def update(self, data, raw):
            shown[-1] = data["text/plain"]

    def display(data, raw, display_id):
        shown.append(data["text/plain"])
        return Handle()

    monkeypatch.setattr(module, "NOTEBOOK_INTERVAL_S", 0)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=True)))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    with progress("work", 4, "steps") as bar:
        for done in (1, 2, 4):
            bar.advance(done, loss=0.5)
    assert len(shown) == 1
    assert shown[0].startswith("work: 4/4 steps")
    assert capsys.readouterr() == ("", "")
