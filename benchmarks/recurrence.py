"""Speed of each engine against torch.nn.LSTM, a plain loop, and the peak of the processor.

    python benchmarks/recurrence.py                    everything, some minutes on two cores
    python benchmarks/recurrence.py --only speed --json

Speed: forward and backward pass of a loss on the final state, float32, subnormal numbers flushed. All implementations
take turns, so that other load on the machine affects them equally. A ratio is one of medians; above 1 is faster than
torch (`plain_ratio`: than the plain loop). `peak_share` is the part of the cores' multiply-add peak, measured in the
same process, that the matrix products of the step alone would take. Compile time and memory are measured in new
processes.
"""

import argparse
import json
import tempfile
from statistics import median
from typing import Any

import torch
from peak import lstm_gflop, peak_gflops
from recurrence_baselines import PlainLoop, Work, training_step
from recurrence_process import Job, run_in_process, seconds
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from palingen.recurrence.cells import CELLS
from palingen.recurrence.engines import ENGINES
from palingen.recurrence.layers import RecurrentLayer
from palingen.runtime.progress import progress

Rows = list[dict[str, Any]]

MEMORY_JOBS = [
    ("torch", False),
    ("native", False),
    ("native", True),
    ("compiled", False),
    ("compiled", True),
    ("reference", True),
]
"""Engines whose memory is measured, and whether they recompute."""


def implementations(inputs: Tensor, hidden_size: int) -> dict[tuple[str, str], Work]:
    """Training step of every engine and baseline, by engine and cell."""
    input_size = inputs.shape[2]

    def step(layer: nn.Module) -> Work:
        return training_step(layer, lambda: layer(inputs)[1][0])

    works = {("torch", "lstm"): step(nn.LSTM(input_size, hidden_size, batch_first=True))}
    for cell in ("lstm", "peephole"):
        sizes = cell, input_size, hidden_size
        if ENGINES["native"].unsupported_reason(CELLS[cell], inputs) is None:
            works["native", cell] = step(RecurrentLayer(*sizes, engine="native"))
            works["native, recompute", cell] = step(RecurrentLayer(*sizes, engine="native", recompute=True))
        works["compiled", cell] = step(RecurrentLayer(*sizes, engine="compiled"))
        works["reference", cell] = step(RecurrentLayer(*sizes, engine="reference"))
        loop = PlainLoop(*sizes)
        works["plain", cell] = training_step(loop, lambda loop=loop: loop(inputs))
    return works


def measure_speed(options: argparse.Namespace) -> Rows:
    """One row for each engine, cell and length."""
    rows = []
    with progress("speed", len(options.lengths) * options.repeats, "rounds") as bar:
        for index, length in enumerate(options.lengths):
            inputs = torch.randn(options.batch_size, length, options.input_size)
            works = implementations(inputs, options.hidden_size)
            for work in [*works.values()] * 2:
                work()
            times: dict[tuple[str, str], list[float]] = {name: [] for name in works}
            for turn in range(options.repeats):
                for name, work in works.items():
                    times[name].append(1000 * seconds(work))
                bar.advance(index * options.repeats + turn + 1)
            peak_ms = 1000 * lstm_gflop(*inputs.shape, options.hidden_size) / peak_gflops(options.threads)
            rows += speed_rows(times, length, peak_ms)
    return rows


def speed_rows(times: dict[tuple[str, str], list[float]], length: int, peak_ms: float) -> Rows:
    """Rows of one length from the milliseconds of every turn, and of the products at the peak."""
    medians = {name: median(values) for name, values in times.items()}
    torch_ms = medians["torch", "lstm"]
    return [
        {
            "engine": engine,
            "cell": cell,
            "length": length,
            "ms": ms,
            "lowest_ms": min(times[engine, cell]),
            "highest_ms": max(times[engine, cell]),
            "torch_ms": torch_ms,
            "ratio": torch_ms / ms,
            "plain_ratio": medians["plain", cell] / ms,
            "peak_share": peak_ms / ms,
        }
        for (engine, cell), ms in medians.items()
    ]


def measure_compilation(options: argparse.Namespace) -> Rows:
    """Seconds until the first training step of the peephole LSTM is done, with empty caches."""
    rows = []
    for engine in ("native", "compiled"):
        for length in options.lengths:
            with tempfile.TemporaryDirectory() as folder:
                caches = {"TORCHINDUCTOR_CACHE_DIR": folder, "PALINGEN_CACHE": folder}
                job = Job(engine, "peephole", length=length, environment=caches, **sizes(options))
                measured = run_in_process(job)
            times = {"first_step_s": measured["first_s"], "next_step_s": measured["next_s"]}
            rows.append({"engine": engine, "length": length, **times})
    return rows


def measure_memory(options: argparse.Namespace) -> Rows:
    """MiB that the first long training step adds to the peak memory of its process."""
    rows = []
    for length in (100, 1000):
        for engine, recompute in MEMORY_JOBS:
            job = Job(engine, "lstm", length=length, recompute=recompute, warmup=True, **sizes(options))
            name = engine + (", recompute" if recompute else "")
            rows.append({"engine": name, "length": length, "peak_mib": run_in_process(job)["peak_mib"]})
    return rows


def sizes(options: argparse.Namespace) -> dict[str, int]:
    """Sizes and threads for a `Job`."""
    return {name: getattr(options, name) for name in ("batch_size", "input_size", "hidden_size", "threads")}


def print_tables(results: dict[str, Rows]) -> None:
    """Print one table for each part."""
    for title, rows in results.items():
        table = Table(title=title, title_justify="left", title_style="bold")
        names = [name for name in rows[0] if name != "torch_ms"]  # a row of its own
        for name in names:
            table.add_column(name.replace("_", " "), justify="left" if name in ("engine", "cell") else "right")
        for row in rows:
            table.add_row(
                *(f"{value:.2f}" if isinstance(value, float) else str(value) for value in map(row.get, names))
            )
        console = Console()
        (console if console.is_terminal else Console(width=100)).print(table)


def parse_options() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[5, 20, 100, 200], metavar="T", help="steps")
    parser.add_argument("--batch-size", type=int, default=128, help="sequences")
    parser.add_argument("--input-size", type=int, default=1, help="inputs")
    parser.add_argument("--hidden-size", type=int, default=128, help="hidden units")
    parser.add_argument("--threads", type=int, default=2, help="threads of every implementation")
    parser.add_argument("--repeats", type=int, default=21, help="rounds, at least 3")
    parser.add_argument("--only", choices=("speed", "compilation", "memory"), help="one part")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if min(*options.lengths, *sizes(options).values(), options.repeats - 2) < 1:
        parser.error("sizes must be at least 1, and --repeats at least 3")
    return options


def main() -> None:
    """Measure and print."""
    options = parse_options()
    torch.set_flush_denormal(True)
    torch.set_num_threads(options.threads)
    parts = {"speed": measure_speed, "compilation": measure_compilation, "memory": measure_memory}
    results = {name: part(options) for name, part in parts.items() if options.only in (None, name)}
    if options.json:
        software = {"torch": torch.__version__, "threads": options.threads}
        print(json.dumps({"rows": results.pop("speed", []), **results, **software}))
    else:
        print_tables(results)


if __name__ == "__main__":
    main()
