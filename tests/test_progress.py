import os
import pty
import subprocess
import sys

from palingen import progress as module
from palingen.progress import progress

SCRIPT = (
    "from palingen.progress import progress\n"
    "with progress('work', 3, 'steps') as watcher:\n"
    "    for done in (1, 2, 3):\n"
    "        watcher.advance(done, test_accuracy=done / 3)\n"
)


def test_without_a_terminal_there_are_plain_lines_on_standard_error(capsys, monkeypatch):
    monkeypatch.setattr(module, "LINE_EVERY", 0)
    with progress("work", 4, "steps", done=1) as watcher:
        for done in (2, 3, 4):
            watcher.advance(done, loss=0.5)
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 3
    assert err.splitlines()[0].startswith("work: 2/4 steps")
    assert "loss 0.5" in err


def test_in_a_terminal_there_is_a_bar_with_the_numbers():
    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "140"}
    subprocess.run([sys.executable, "-c", SCRIPT], stderr=child, stdout=subprocess.DEVNULL, env=environment, check=True)
    os.close(child)
    shown = os.read(parent, 100_000).decode()
    os.close(parent)
    assert "3/3" in shown
    assert "test accuracy 1" in shown
    assert "\x1b[" in shown
