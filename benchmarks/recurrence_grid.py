"""Speed of the engine that `auto` takes against torch.nn.LSTM, on any device, at equal precision.

    python benchmarks/recurrence_grid.py                         everything, on the fastest device of this machine
    python benchmarks/recurrence_grid.py --hidden-sizes 128 --lengths 1000 --json

On a GPU that is the Triton engine against cuDNN. Training is the forward and backward pass of the sum of all outputs,
inference the forward pass without gradients; the host's part is included. With `--precisions tf32`, the products of
both, inside and outside the recurrence, are TF32; with `float32`, of neither. The implementations take turns. A ratio
is one of medians; above 1, the engine is faster.
"""

import argparse
import json
import time
from collections.abc import Callable
from itertools import product
from statistics import median, quantiles
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from palingen.recurrence.cells import CELLS
from palingen.recurrence.engines import resolve_engine
from palingen.recurrence.layers import RecurrentLayer
from palingen.runtime.environment import environment
from palingen.runtime.numerics import configure_numerics, current_execution, select_device
from palingen.runtime.progress import progress

Work = Callable[[], object]

WARMUP_CALLS = 3


def set_precision(name: str) -> None:
    """Precision of the products of both implementations on a GPU."""
    torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = name == "tf32"


def work_of(layer: nn.Module, outputs: Callable[[], Tensor], *, training: bool) -> Work:
    """Forward and backward pass, or the forward pass without gradients."""
    weights = list(layer.parameters())
    if training:
        return lambda: torch.autograd.grad(outputs().sum(), weights)
    return torch.no_grad()(outputs)


def implementations(inputs: Tensor, hidden_size: int, *, training: bool) -> dict[str, Work]:
    """LSTM by torch and by the engine, and the engine's peephole LSTM, which torch does not have."""
    torch_layer = nn.LSTM(inputs.shape[2], hidden_size, batch_first=True).to(inputs.device)
    works = {"torch": work_of(torch_layer, lambda: torch_layer(inputs)[0], training=training)}
    for cell in ("lstm", "peephole"):
        layer = RecurrentLayer(cell, inputs.shape[2], hidden_size).to(inputs.device)
        works[cell] = work_of(layer, lambda layer=layer: layer(inputs).states[0], training=training)
    return works


def milliseconds(work: Work, device: torch.device) -> float:
    """Time of one call."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - start)


def measure_point(inputs: Tensor, hidden_size: int, mode: str, repeats: int) -> list[dict[str, Any]]:
    """One row for each implementation."""
    works = implementations(inputs, hidden_size, training=mode == "training")
    for work in [*works.values()] * WARMUP_CALLS:
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            times[name].append(milliseconds(work, inputs.device))
    medians = {name: median(values) for name, values in times.items()}
    rows = []
    for name, values in times.items():
        lower, _, upper = quantiles(values, n=4)
        spread = {"quartile_1": lower, "quartile_3": upper}
        rows.append({"implementation": name, "ms": medians[name], **spread, "ratio": medians["torch"] / medians[name]})
    return rows


def measure(options: argparse.Namespace, device: torch.device) -> list[dict[str, Any]]:
    """Rows of the whole grid."""
    sizes = [*product(options.hidden_sizes, options.batch_sizes, options.lengths)]
    grid = [*product(options.precisions, ("training", "inference"), sizes)]
    rows = []
    with progress("recurrence", len(grid), "points") as bar:
        for index, (precision, mode, (H, B, T)) in enumerate(grid):
            set_precision(precision)
            inputs = torch.randn(B, T, options.input_size, device=device)
            point = {"precision": precision, "mode": mode, "H": H, "B": B, "T": T}
            rows += [{**point, **row} for row in measure_point(inputs, H, mode, options.repeats)]
            bar.advance(index + 1)
    return rows


def print_table(record: dict[str, Any]) -> None:
    """Print one row for each point of the grid and implementation."""
    title = f"{record['cuda'] or record['processor']}, engine {record['engine']}"
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in record["rows"][0]:
        table.add_column(name.replace("_", " "))
    for row in record["rows"]:
        table.add_row(*(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()))
    Console().print(table)


def parse_options() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="cpu, cuda, or auto for the fastest of this machine")
    parser.add_argument("--precisions", nargs="+", default=["float32"], choices=("float32", "tf32"), help="products")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[16, 64, 128], metavar="B", help="sequences")
    parser.add_argument("--hidden-sizes", type=int, nargs="+", default=[128, 256], metavar="H", help="hidden units")
    parser.add_argument("--lengths", type=int, nargs="+", default=[100, 1000], metavar="T", help="steps")
    parser.add_argument("--input-size", type=int, default=10, help="inputs")
    parser.add_argument("--repeats", type=int, default=21, help="rounds, at least 3")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    sizes = *options.batch_sizes, *options.hidden_sizes, *options.lengths, options.input_size
    if min(*sizes, options.repeats - 2) < 1:
        parser.error("sizes must be at least 1, and --repeats at least 3")
    return options


def main() -> None:
    """Measure and print."""
    options = parse_options()
    configure_numerics()
    device = select_device(options.device)
    example = torch.zeros(1, max(options.lengths), options.input_size, device=device)
    engine = resolve_engine("auto", CELLS["lstm"], example, max(options.hidden_sizes))
    software = environment(current_execution(engine, device))
    names = ("engine", "threads", "torch", "python", "system", "processor", "cuda")
    record = {"rows": measure(options, device), "n": options.repeats, **{name: software[name] for name in names}}
    print(json.dumps(record, indent=1)) if options.json else print_table(record)


if __name__ == "__main__":
    main()
