import contextlib
import os
import pty
import re
import subprocess
import sys
from types import SimpleNamespace

from palingen.runtime import progress as module
from palingen.runtime.durations import duration_text
from palingen.runtime.progress import Pace, progress

COLOUR = re.compile(r"\x1b\[[0-9;]*(3[0-8]|4[0-8]|9[0-7])")

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


def test_lines_come_every_few_seconds_but_a_finished_run_is_never_left_out(capsys):
    with progress("study", 5, "runs") as bar:
        bar.advance(1, loss=0.5)
        bar.advance(2, "lstm seed 0", accuracy=0.9)
        bar.advance(3, "lstm seed 1", accuracy=0.8)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[1] for line in lines] == ["lstm seed 0: accuracy 0.9", "lstm seed 1: accuracy 0.8"]


def test_lengths_and_seconds_have_separators_and_no_exponent():
    numbers = {"length": 10_000, "loss": 0.01234, "seconds": 2361.4, "gradient_norm": 2e12}
    text = module.numbers_text("lstm T=10,000 seed 1", numbers)
    assert text == "lstm T=10,000 seed 1: length 10,000, loss 0.0123, seconds 2,361, gradient norm 2e+12"


def test_the_time_left_is_that_of_the_latest_rate_and_counts_down(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    pace = Pace(1000, done=100)
    assert pace.text() == "0 s so far"
    for second in range(1, 2 * module.PACE_REPORTS):
        clock[0] = second
        pace.report(100 + second)  # one a second
    for _ in range(module.PACE_REPORTS):
        clock[0] += 2
        pace.report(100 + second + _ + 1)  # one in two seconds, and nothing before counts
    left = (1000 - 100 - second - module.PACE_REPORTS) * 2
    assert pace.text() == f"30/min, {duration_text(left)} left"
    clock[0] += 30
    assert pace.text() == f"30/min, {duration_text(left - 30)} left"
    pace.report(1000)
    assert pace.text() == f"took {duration_text(clock[0])}"


def test_runs_that_were_finished_earlier_say_nothing_about_the_time_left(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    with progress("study", 100, "runs", done=60) as bar:
        for done in range(1, 61):  # read again in no time
            clock[0] += 0.01
            bar.advance(done, f"run {done}")
        for done in (61, 62):
            clock[0] += 600
            bar.advance(done, f"run {done}")
    lines = [line.split("  ")[0] for line in capsys.readouterr().err.splitlines()]
    assert set(lines[:60]) == {"study: 60/100 runs, 0 s so far", "study: 60/100 runs, 1 s so far"}
    assert [line.split(", ")[-1] for line in lines[60:]] == ["6 h 30 min left", "6 h 20 min left"]


def read_all(terminal: int) -> str:
    """Everything that a terminal shows until the other side closes it."""
    parts = []
    with contextlib.suppress(OSError):  # Linux raises it when the other side has closed
        while part := os.read(terminal, 4096):
            parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode()


def show_in_terminal(variables: dict[str, str], script: str = SCRIPT) -> str:
    """Everything that a script shows on standard error in a terminal of 80 columns."""
    parent, child = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    environment = {**inherited, "TERM": "xterm-256color", "COLUMNS": "80", **variables}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stderr=child, stdout=subprocess.DEVNULL, env=environment):
        os.close(child)
        return read_all(parent)


def test_a_terminal_shows_a_bar_with_metrics():
    shown = show_in_terminal({})
    assert re.search(r"3000/3000 steps, took \d+ s", shown)
    assert "loss 0.123, test accuracy 1" in shown
    assert "…" not in shown
    assert COLOUR.search(shown)


def test_no_color_switches_colours_off():
    shown = show_in_terminal({"NO_COLOR": "1"})
    assert "3000/3000 steps" in shown
    assert not COLOUR.search(shown)


def test_a_study_shows_its_table_above_the_bar_until_it_is_finished():
    table = "Text(f'{len(done)} results so far')"
    script = (
        "import sys, time; from rich.text import Text; from palingen.runtime.progress import progress\n"
        f"done = []\nwith progress('study', 2, 'runs', above=lambda: {table}) as bar:\n"
        "    for number in (1, 2):\n"
        "        with open('/dev/null', 'w') as devnull, contextlib.redirect_stderr(devnull):\n"
        "            time.sleep(0.4)\n"
        "        done.append(number); bar.advance(number, f'run {number}', accuracy=0.5)\n"
    )
    shown = show_in_terminal({}, f"import contextlib\n{script}")
    assert "0 results so far" in shown  # although the run redirects standard error
    assert "1 results so far" in shown
    assert shown.rstrip().endswith("run 2: accuracy 0.5\x1b[0m\r\n\x1b[?25h")
    assert shown.rfind("results so far") < shown.rfind("2/2 runs, took")


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


def test_a_terminal_that_moves_no_cursor_gets_lines():
    shown = show_in_terminal({"TERM": "dumb"})
    assert "3000/3000 steps" in shown
    assert "\x1b" not in shown
