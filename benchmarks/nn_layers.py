"""Speed of `palingen.nn` layers against torch.nn's, over a grid of sizes.

    python benchmarks/nn_layers.py                     the whole grid, some fifteen minutes
    python benchmarks/nn_layers.py --batch-sizes 1 --lengths 100 --layers LSTM GRU --json
    python benchmarks/nn_layers.py --threads 1 --cpu-time
    python benchmarks/nn_layers.py --num-layers 2 --bidirectional --modes inference
    python benchmarks/nn_layers.py --precision bfloat16 --batch-sizes 128 --hidden-sizes 128 --lengths 100

Float32, subnormal numbers flushed. Training: forward and backward pass of a loss on all outputs; inference: forward
pass without gradients. The implementations take turns; a point ends after `--rounds` rounds, or after `--seconds` and
at least five. `ratio` is torch's median over ours, above 1 is faster, with the quartiles of the ratios of single
rounds.
"""

import argparse
import json
import time
from collections.abc import Callable
from itertools import product
from statistics import geometric_mean, median, quantiles
from typing import Any, get_args

import torch
from recurrence_process import seconds
from rich.console import Console
from rich.table import Table
from torch import Tensor

import palingen.nn
from palingen.recurrence.engines import Precision
from palingen.runtime.processor import processor_name
from palingen.runtime.progress import progress

Work = Callable[[], object]

MODES = ("training", "inference")


def implementations(name: str, inputs: Tensor, options: argparse.Namespace, H: int, mode: str) -> dict[str, Work]:
    """Work of each implementation."""
    sizes = inputs.shape[2], H, options.num_layers
    layer = getattr(palingen.nn, name)(*sizes, bidirectional=options.bidirectional, precision=options.precision)
    torch_layer = getattr(torch.nn, name)(*sizes, bidirectional=options.bidirectional)
    layer.load_state_dict(torch_layer.state_dict())

    def train(module: torch.nn.Module) -> Work:
        return lambda: module(inputs)[0].sum().backward()

    def infer(module: torch.nn.Module) -> Work:
        return torch.no_grad()(lambda: module(inputs))

    work = train if mode == "training" else infer
    return {"ours": work(layer), "torch": work(torch_layer)}


def cpu_seconds(work: Work) -> float:
    """CPU time of one call, of all threads."""
    start = time.process_time()
    work()
    return time.process_time() - start


def measure_point(works: dict[str, Work], options: argparse.Namespace) -> dict[str, float]:
    """Medians and ratios of one point of the grid."""
    for work in [*works.values()] * 2:
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    start = time.perf_counter()
    while (n := len(times["ours"])) < min(5, options.rounds) or (
        n < options.rounds and time.perf_counter() - start < options.seconds
    ):
        for name, work in works.items():
            times[name].append(1000 * (cpu_seconds if options.cpu_time else seconds)(work))
    ours, theirs = median(times["ours"]), median(times["torch"])
    lower, _, upper = quantiles([b / a for a, b in zip(times["ours"], times["torch"], strict=True)], n=4)
    return {
        "ours_ms": ours,
        "torch_ms": theirs,
        "ratio": theirs / ours,
        "quartile_1": lower,
        "quartile_3": upper,
        "rounds": n,
    }


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """One row for each point of the grid."""
    sizes = options.batch_sizes, options.hidden_sizes, options.lengths
    grid = [*product(options.layers, options.modes, *sizes)]
    rows = []
    with progress("layers", len(grid), "points") as bar:
        for index, (name, mode, B, H, T) in enumerate(grid):
            works = implementations(name, torch.randn(T, B, options.input_size), options, H, mode)
            rows.append({"layer": name, "mode": mode, "B": B, "H": H, "T": T, **measure_point(works, options)})
            bar.advance(index + 1)
    return rows


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Geometric mean of the ratios of each layer and mode, and the points below 1."""
    groups = sorted({(row["layer"], row["mode"]) for row in rows})
    ratios = {group: [row["ratio"] for row in rows if (row["layer"], row["mode"]) == group] for group in groups}
    return [
        {
            "layer": layer,
            "mode": mode,
            "geometric_mean": geometric_mean(values),
            "lowest": min(values),
            "highest": max(values),
            "below_1": sum(value < 1 for value in values),
            "points": len(values),
        }
        for (layer, mode), values in ratios.items()
    ]


def print_table(title: str, rows: list[dict[str, Any]]) -> None:
    """Print one line for each row."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="left" if name in ("layer", "mode") else "right")
    for row in rows:
        table.add_row(*(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()))
    console = Console()
    (console if console.is_terminal else Console(width=100)).print(table)


def parse_options() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", nargs="+", default=["LSTM"], choices=("LSTM", "GRU", "RNN"), help="layers")
    parser.add_argument("--modes", nargs="+", default=MODES, choices=MODES, help="work")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 16, 128, 512], metavar="B", help="sequences")
    parser.add_argument("--hidden-sizes", type=int, nargs="+", default=[32, 128, 256, 512], metavar="H", help="units")
    parser.add_argument("--lengths", type=int, nargs="+", default=[5, 20, 100], metavar="T", help="steps")
    parser.add_argument("--input-size", type=int, default=10, help="inputs")
    parser.add_argument("--num-layers", type=int, default=1, help="layers over each other")
    parser.add_argument("--bidirectional", action="store_true", help="both directions")
    parser.add_argument("--precision", choices=get_args(Precision), default="float32", help="ours; torch has float32")
    parser.add_argument("--threads", type=int, default=2, help="threads of every implementation")
    parser.add_argument("--rounds", type=int, default=41, help="rounds of a point at most, at least 3")
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds of a point after which it ends early")
    parser.add_argument("--cpu-time", action="store_true", help="for a machine with other load; with --threads 1")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    sizes = *options.batch_sizes, *options.hidden_sizes, *options.lengths, options.input_size, options.num_layers
    if min(*sizes, options.threads, options.rounds - 2) < 1:
        parser.error("sizes must be at least 1, and --rounds at least 3")
    return options


def main() -> None:
    """Measure and print."""
    options = parse_options()
    torch.set_flush_denormal(True)
    torch.set_num_threads(options.threads)
    rows = measure(options)
    summary = summarise(rows)
    if options.json:
        shape = {
            "num_layers": options.num_layers,
            "bidirectional": options.bidirectional,
            "precision": options.precision,
        }
        run = {"torch": torch.__version__, "threads": options.threads, **shape, "processor": processor_name()}
        print(json.dumps({"rows": rows, "summary": summary, **run}))
    else:
        print_table("layers", rows)
        print_table("summary", summary)


if __name__ == "__main__":
    main()
