"""Speed of `palingen.nn` layers against torch.nn's, and against the engine called directly.

    python benchmarks/nn_layers.py
    python benchmarks/nn_layers.py --batch-sizes 1 --lengths 100 --layers LSTM GRU --json
    python benchmarks/nn_layers.py --threads 1 --cpu-time

Float32, one layer, subnormal numbers flushed. Training: forward and backward pass of a loss on all outputs; inference:
forward pass without gradients. The three implementations take turns in every round; `ratio` is torch's median over
ours, above 1 is faster, with the quartiles of the ratios of single rounds. `overhead` is our median over that of the
engine alone, called with the same weights.
"""

import argparse
import json
import time
from collections.abc import Callable
from itertools import product
from statistics import median, quantiles
from typing import Any

import torch
from recurrence_process import seconds
from rich.console import Console
from rich.table import Table
from torch import Tensor

import palingen.nn
from palingen.nn.stack import RecurrentStack
from palingen.recurrence.engines import run_engine
from palingen.runtime.progress import progress

Work = Callable[[], object]


def engine_outputs(layer: RecurrentStack, inputs: Tensor) -> Callable[[], Tensor]:
    """Hidden states by the engine alone, on the weights of a layer."""
    weights = layer._cell_weights(layer._parameters_of(0, ""))
    leaves = weights._replace(bias=weights.bias.detach().requires_grad_())
    return lambda: run_engine("auto", layer.cell, leaves, inputs.transpose(0, 1)).states[0]


def implementations(name: str, inputs: Tensor, hidden_size: int, *, training: bool) -> dict[str, Work]:
    """Work of each implementation."""
    sizes = inputs.shape[2], hidden_size
    layer, torch_layer = getattr(palingen.nn, name)(*sizes), getattr(torch.nn, name)(*sizes)
    layer.load_state_dict(torch_layer.state_dict())
    outputs = {
        "ours": lambda: layer(inputs)[0],
        "engine": engine_outputs(layer, inputs),
        "torch": lambda: torch_layer(inputs)[0],
    }

    def train(forward: Callable[[], Tensor]) -> Work:
        return lambda: forward().sum().backward()

    def infer(forward: Callable[[], Tensor]) -> Work:
        return torch.no_grad()(forward)

    return {implementation: (train if training else infer)(forward) for implementation, forward in outputs.items()}


def cpu_seconds(work: Work) -> float:
    """CPU time of one call, of all threads."""
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """One row for each layer, mode, batch size and length."""
    grid = [*product(options.layers, ("training", "inference"), options.batch_sizes, options.lengths)]
    rows = []
    with progress("layers", len(grid), "points") as bar:
        for index, (name, mode, B, T) in enumerate(grid):
            inputs = torch.randn(T, B, options.input_size)
            works = implementations(name, inputs, options.hidden_size, training=mode == "training")
            for work in [*works.values()] * 3:
                work()
            times: dict[str, list[float]] = {implementation: [] for implementation in works}
            for _ in range(options.repeats):
                for implementation, work in works.items():
                    times[implementation].append(1000 * (cpu_seconds if options.cpu_time else seconds)(work))
            rows.append({"layer": name, "mode": mode, "B": B, "T": T, **summary(times)})
            bar.advance(index + 1)
    return rows


def summary(times: dict[str, list[float]]) -> dict[str, float]:
    """Medians and ratios from the milliseconds of every round."""
    medians = {name: median(values) for name, values in times.items()}
    lower, _, upper = quantiles([b / a for a, b in zip(times["ours"], times["torch"], strict=True)], n=4)
    ratios = {"ratio": medians["torch"] / medians["ours"], "quartile_1": lower, "quartile_3": upper}
    return {
        **{f"{name}_ms": ms for name, ms in medians.items()},
        **ratios,
        "overhead": medians["ours"] / medians["engine"],
    }


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print one row for each point of the grid."""
    table = Table(title="layers", title_justify="left", title_style="bold")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="left" if name in ("layer", "mode") else "right")
    for row in rows:
        table.add_row(*(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()))
    Console().print(table)


def parse_options() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", nargs="+", default=["LSTM"], choices=("LSTM", "GRU", "RNN"), help="layers")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 16, 128], metavar="B", help="sequences")
    parser.add_argument("--lengths", type=int, nargs="+", default=[20, 100], metavar="T", help="steps")
    parser.add_argument("--input-size", type=int, default=10, help="inputs")
    parser.add_argument("--hidden-size", type=int, default=128, help="hidden units")
    parser.add_argument("--threads", type=int, default=2, help="threads of every implementation")
    parser.add_argument("--repeats", type=int, default=41, help="rounds, at least 3")
    parser.add_argument("--cpu-time", action="store_true", help="for a machine with other load; with --threads 1")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    sizes = *options.batch_sizes, *options.lengths, options.input_size, options.hidden_size, options.threads
    if min(*sizes, options.repeats - 2) < 1:
        parser.error("sizes must be at least 1, and --repeats at least 3")
    return options


def main() -> None:
    """Measure and print."""
    options = parse_options()
    torch.set_flush_denormal(True)
    torch.set_num_threads(options.threads)
    rows = measure(options)
    if options.json:
        print(json.dumps({"rows": rows, "torch": torch.__version__, "threads": options.threads}))
    else:
        print_table(rows)


if __name__ == "__main__":
    main()
