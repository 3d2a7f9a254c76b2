"""Training step of recipe `residual` under its penalty: its engines take turns.

    python benchmarks/penalty_step.py                       64 images a step, one thread
    python benchmarks/penalty_step.py --batch-size 32       one of the two processes of `gan train --devices 2`
    python benchmarks/penalty_step.py --devices 2           both processes, each with half of a batch of 64
    python benchmarks/penalty_step.py --threads 2 --json
    python benchmarks/penalty_step.py --cpu-time            under other load
    python benchmarks/penalty_step.py --gradients --engines autograd penalty-jvp --precision float32

The whole step: inputs, gradients, sums over the processes, Adam and the generator's average; with `--gradients`, the
gradients alone. All engines compute the same gradients up to rounding. `ratio` is the first engine's median over
another's, above 1 is faster, with the quartiles of the ratios of single rounds.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median, quantiles
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from palingen.gan.config import GanConfig
from palingen.gan.data.datasets import load_dataset
from palingen.gan.steps import STEPS
from palingen.gan.trainer import GanTrainer
from palingen.recipes import GAN
from palingen.runtime.distributed import ProcessGroup, init_distributed
from palingen.runtime.numerics import configure_numerics
from palingen.runtime.processor import processor_name

ENGINES = ("penalty-jvp", "penalty-jvp-native")

WARMUP_STEPS = 3
"""Steps of each engine that are not counted."""

Work = Callable[[], object]


def works(config: GanConfig, process_group: ProcessGroup, options: argparse.Namespace) -> dict[str, Work]:
    """Work of each engine, with networks of its own and the same images."""
    dataset = load_dataset(config.data, process_group.device)
    batch = torch.arange(config.batch_size)

    def work(engine: str) -> Work:
        trainer = GanTrainer(config, dataset, process_group, engine)  # type: ignore[arg-type]  # refused if unknown
        if not options.gradients:
            return lambda: trainer.step(batch, 1, progress=0.5)
        inputs = trainer._inputs(batch, process_group.shard(batch))
        return lambda: trainer.train_step.compute_gradients(inputs, config.penalty_weight)

    return {engine: work(engine) for engine in options.engines}


def measure(works: dict[str, Work], rounds: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Milliseconds of every step, by engine; the engines take turns."""
    times: dict[str, list[float]] = {engine: [] for engine in works}
    for _ in range(WARMUP_STEPS + rounds):
        for engine, work in works.items():
            start = clock()
            work()
            times[engine].append(1000 * (clock() - start))
    return {engine: values[WARMUP_STEPS:] for engine, values in times.items()}


def rows(times: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Median and quartiles of each engine, and its speed relative to the first."""
    first = next(iter(times.values()))
    return [
        {
            "engine": engine,
            **dict(zip(("quartile_1", "ms", "quartile_3"), quantiles(values, n=4), strict=True)),
            "ratio": median(first) / median(values),
            "ratio_quartiles": quantiles([a / b for a, b in zip(first, values, strict=True)], n=4)[::2],
        }
        for engine, values in times.items()
    ]


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print one line for each engine."""
    table = Table("engine", "ms a step", "speed relative to the first")
    for row in rows:
        low, high = row["ratio_quartiles"]
        spread = f"{row['ms']:.1f} ({row['quartile_1']:.1f} to {row['quartile_3']:.1f})"
        table.add_row(row["engine"], spread, f"{row['ratio']:.2f} ({low:.2f} to {high:.2f})")
    Console(width=100).print(table)


def parse_options() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", choices=list(STEPS), default=ENGINES, help="the first is the reference")
    parser.add_argument("--rounds", type=int, default=20, help="rounds (default 20)")
    parser.add_argument("--batch-size", type=int, default=64, help="real images a step, of all processes (default 64)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each process (default 1)")
    parser.add_argument("--devices", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--precision", choices=["bfloat16", "float32"], default="bfloat16", help="of the products")
    parser.add_argument("--gradients", action="store_true", help="measure the gradients alone")
    parser.add_argument("--cpu-time", action="store_true", help="measure CPU time of all threads of a process")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.rounds < 2 or options.batch_size < 2 * options.devices or min(options.threads, options.devices) < 1:
        parser.error("needs --rounds of at least 2, two images for each process, and at least one thread and process")
    return options


def main() -> None:
    """Measure, and print a table or JSON."""
    options = parse_options()
    process_group = init_distributed("cpu", options.devices, nodes=1)
    configure_numerics()
    torch.set_num_threads(options.threads)
    config = replace(GAN["residual"], batch_size=options.batch_size, precision=options.precision)
    clock = time.process_time if options.cpu_time else time.perf_counter
    results = rows(measure(works(config, process_group, options), options.rounds, clock))
    if not process_group.is_main:
        return
    if options.json:
        names = ("rounds", "batch_size", "threads", "devices", "precision", "gradients", "cpu_time")
        settings = {name: getattr(options, name) for name in names}
        run = {**settings, "torch": torch.__version__, "processor": processor_name()}
        print(json.dumps({"rows": results, **run}))
    else:
        print_table(results)


if __name__ == "__main__":
    main()
