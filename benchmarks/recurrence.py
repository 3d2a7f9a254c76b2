"""The speed of each engine, against torch.nn.LSTM, the loop people write, and the matrix products alone.

    python benchmarks/recurrence.py                    all of it, some minutes on two cores
    python benchmarks/recurrence.py --only speed --json

Speed: forward and backward of a loss on the last state, float32, flush-denormal on in every arm. The arms take turns,
so that whatever else the machine does strikes all of them; a ratio is one of medians, and above 1 is faster than torch
(`plain ratio`: than the loop). Memory and compiling are measured in processes of their own.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from palingen.progress import progress
from palingen.recurrence import engines
from palingen.recurrence.cells import CELLS
from palingen.recurrence.network import Recurrent

Arm = Callable[[], object]


class Plain(nn.Module):
    """A cell the way it is written for oneself: a weight for each gate, and [h, x] put together at each step."""

    def __init__(self, cell: str, inputs: int, hidden: int) -> None:
        super().__init__()
        self.gates = nn.ModuleList(nn.Linear(inputs + hidden, hidden) for _ in range(4))
        self.peepholes = nn.Parameter(torch.zeros(3, hidden)) if cell == "peephole" else None

    def forward(self, inputs: Tensor) -> Tensor:
        """The last h."""
        h = c = inputs.new_zeros(len(inputs), self.gates[0].out_features)
        p_i, p_f, p_o = (0, 0, 0) if self.peepholes is None else self.peepholes
        for t in range(inputs.shape[1]):
            both = torch.cat([h, inputs[:, t]], dim=1)
            i = torch.sigmoid(self.gates[0](both) + p_i * c)
            f = torch.sigmoid(self.gates[1](both) + p_f * c)
            g = torch.tanh(self.gates[2](both))
            c = g * i + c * f
            o = torch.sigmoid(self.gates[3](both) + p_o * c)
            h = torch.tanh(c) * o
        return h


def arms(inputs: Tensor, hidden: int) -> dict[tuple[str, str], Arm]:
    """Engine and cell to a function that runs both passes once."""
    size = inputs.shape[2]

    def ours(engine: str, cell: str, recompute: bool = False) -> Arm:
        layer = Recurrent(cell, size, hidden, engine=engine, recompute=recompute)
        return both_passes(layer, lambda: layer(inputs).last[0])

    def plain(cell: str) -> Arm:
        loop = Plain(cell, size, hidden)
        return both_passes(loop, lambda: loop(inputs))

    torchs = nn.LSTM(size, hidden, batch_first=True)
    made = {("torch", "lstm"): both_passes(torchs, lambda: torchs(inputs)[1][0])}
    for cell in ("lstm", "peephole"):
        if engines.native.missing(CELLS[cell], inputs) is None:
            made["native", cell] = ours("native", cell)
            made["native, recompute", cell] = ours("native", cell, recompute=True)
        made["fused", cell] = ours("fused", cell)
        made["equations", cell] = ours("equations", cell)
        made["plain", cell] = plain(cell)
    return made


def both_passes(module: nn.Module, last: Callable[[], Tensor]) -> Arm:
    """A training step without its optimiser."""

    def run() -> None:
        module.zero_grad()
        last().sum().backward()

    return run


def products(B: int, T: int, I: int, H: int) -> Arm:
    """The matrix products of one training step and nothing else, into memory that is there already."""
    reads, gates = torch.randn(T * B, H + I), torch.randn(T * B, 4 * H)
    forward, back = torch.randn(4 * H, H + I).T.contiguous(), torch.randn(4 * H, H)
    hidden, weight = torch.empty(B, H), torch.empty(4 * H, H + I)

    def run() -> None:
        for t in range(T):
            step = slice(t * B, (t + 1) * B)
            torch.mm(reads[step], forward, out=gates[step])
        for t in range(T):
            torch.mm(gates[t * B : (t + 1) * B], back, out=hidden)
        torch.mm(gates.T, reads, out=weight)

    return run


def seconds(run: Arm) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def speed(options: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each engine, cell and length."""
    rows = []
    total = len(options.lengths) * options.repeats
    with progress("speed", total, "rounds") as watcher:
        for place, T in enumerate(options.lengths):
            inputs = torch.randn(options.batch, T, options.inputs)
            timed = {**arms(inputs, options.hidden), ("products", ""): products(*inputs.shape, options.hidden)}
            for run in timed.values():
                run()
                run()
            times: dict[tuple[str, str], list[float]] = {name: [] for name in timed}
            for turn in range(options.repeats):
                for name, run in timed.items():
                    times[name].append(1000 * seconds(run))
                watcher.advance(place * options.repeats + turn + 1)
            middle = {name: median(found) for name, found in times.items()}
            for (engine, cell), ms in middle.items():
                if engine != "products":
                    rows.append(
                        {
                            "engine": engine,
                            "cell": cell,
                            "length": T,
                            "ms": ms,
                            "lowest_ms": min(times[engine, cell]),
                            "highest_ms": max(times[engine, cell]),
                            "torch_ms": middle["torch", "lstm"],
                            "ratio": middle["torch", "lstm"] / ms,
                            "plain_ratio": middle["plain", cell] / ms,
                            "floor_ms": middle["products", ""],
                        }
                    )
    return rows


def compiling(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Seconds until the first training step of a cell is done, in a new process with empty caches."""
    rows = []
    for engine in ("native", "fused"):
        for T in options.lengths:
            with tempfile.TemporaryDirectory() as folder:
                empty = {"TORCHINDUCTOR_CACHE_DIR": folder, "PALINGEN_CACHE": folder}
                found = alone(engine, "peephole", T, options, empty)
            rows.append(
                {"engine": engine, "length": T, "first_step_s": found["first_s"], "next_step_s": found["next_s"]}
            )
    return rows


def memory(options: argparse.Namespace) -> list[dict[str, Any]]:
    """MiB that a process holds at most beyond what it held when its first long training step began."""
    ways = [
        ("torch", False),
        ("native", False),
        ("native", True),
        ("fused", False),
        ("fused", True),
        ("equations", True),
    ]
    return [
        {
            "engine": engine + (", recompute" if recompute else ""),
            "length": T,
            "peak_mib": alone(engine, "lstm", T, options, recompute=recompute, warm=True)["peak_mib"],
        }
        for T in (100, 1000)
        for engine, recompute in ways
    ]


def alone(
    engine: str,
    cell: str,
    T: int,
    options: argparse.Namespace,
    more: dict[str, str] | None = None,
    *,
    recompute: bool = False,
    warm: bool = False,
) -> dict[str, float]:
    """Run `first_steps` in a process of its own."""
    sizes = [options.batch, T, options.inputs, options.hidden, options.threads]
    command = [sys.executable, __file__, "--alone", json.dumps([engine, cell, recompute, warm, *sizes])]
    done = subprocess.run(command, env={**os.environ, **(more or {})}, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def first_steps(
    engine: str, cell: str, recompute: bool, warm: bool, B: int, T: int, I: int, H: int, threads: int
) -> dict[str, float]:
    """What the first training steps of a new process take; `warm`: after one on a short sequence, which compiles."""
    torch.set_num_threads(threads)

    def step(length: int) -> Arm:
        inputs = torch.randn(B, length, I)
        if engine == "torch":
            return both_passes(layer, lambda: layer(inputs)[1][0])
        return both_passes(layer, lambda: layer(inputs).last[0])

    layer: nn.Module = nn.LSTM(I, H, batch_first=True)
    if engine != "torch":
        layer = Recurrent(cell, I, H, engine=engine, recompute=recompute)
    if warm:
        step(2)()
    run = step(T)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first, later = seconds(run), seconds(run)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {"first_s": first, "next_s": later, "peak_mib": peak}


def show(found: dict[str, list[dict[str, Any]]]) -> None:
    """A table for each part."""
    for title, rows in found.items():
        table = Table(title=title, title_justify="left", title_style="bold")
        for name in rows[0]:
            table.add_column(name.replace("_", " "), justify="left" if name in ("engine", "cell") else "right")
        for row in rows:
            table.add_row(*(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()))
        Console().print(table)


def main() -> None:
    """Measure and say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[5, 20, 100, 200], metavar="T", help="steps")
    parser.add_argument("--batch", type=int, default=128, help="sequences")
    parser.add_argument("--inputs", type=int, default=1, help="inputs a step")
    parser.add_argument("--hidden", type=int, default=128, help="hidden units")
    parser.add_argument("--threads", type=int, default=2, help="threads of every arm")
    parser.add_argument("--repeats", type=int, default=21, help="rounds, at least 3")
    parser.add_argument("--only", choices=("speed", "compiling", "memory"), help="one part")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if min(*options.lengths, options.batch, options.inputs, options.hidden, options.threads, options.repeats - 2) < 1:
        parser.error("sizes must be at least 1, and --repeats at least 3")
    torch.set_flush_denormal(True)
    if options.alone:
        print(json.dumps(first_steps(*json.loads(options.alone))))
        return
    torch.set_num_threads(options.threads)
    parts = {"speed": speed, "compiling": compiling, "memory": memory}
    found = {name: part(options) for name, part in parts.items() if options.only in (None, name)}
    if options.json:
        print(
            json.dumps(
                {"rows": found.pop("speed", []), **found, "torch": torch.__version__, "threads": options.threads}
            )
        )
    else:
        show(found)


if __name__ == "__main__":
    main()
