"""Training step of `palingen gan train` by engine, on any device: batch, noise, gradients, Adam, running means.

On a CUDA device, `auto` takes the step as a CUDA graph. In its turn an engine takes several steps.

    python benchmarks/gan_loop.py [--recipe course] [--engines auto manual] [--repeats 20] [--steps 40] [--json]
"""

import argparse
import json
import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import Any

import torch

from palingen.gan.config import GanConfig
from palingen.gan.data.datasets import load_dataset
from palingen.gan.steps import STEPS
from palingen.gan.steps.protocol import StepMetrics
from palingen.gan.trainer import GanTrainer
from palingen.recipes import GAN
from palingen.runtime.distributed import ProcessGroup
from palingen.runtime.environment import environment
from palingen.runtime.numerics import configure_numerics, current_execution, select_device
from palingen.runtime.running_means import RunningMeans

WARMUP_STEPS = 10

Turn = Callable[[int], None]
"""Takes the given number of steps."""


def training(config: GanConfig, engine: str, device: torch.device) -> Turn:
    """Steps of a training, with the running means of its loop."""
    process_group = ProcessGroup(device)
    trainer = GanTrainer(config, load_dataset(config.data, device), process_group, engine)
    means = RunningMeans(*StepMetrics._fields, process_group=process_group)
    batches = torch.randperm(len(trainer.dataset)).to(device).split(config.batch_size)[:50]

    def take(steps: int) -> None:
        for step in range(steps):
            means.add(*trainer.step(batches[step % len(batches)], step + 1, 0.5))

    return take


def microseconds(turn: Turn, steps: int, device: torch.device) -> float:
    """Time of a step, the host's part included."""
    start = time.perf_counter()
    turn(steps)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return 1e6 * (time.perf_counter() - start) / steps


def measure(options: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """Medians and quartiles by engine, over rounds in each of which every engine takes `steps` steps."""
    turns = {engine: training(GAN[options.recipe], engine, device) for engine in options.engines}
    for turn in turns.values():
        microseconds(turn, WARMUP_STEPS, device)
    times: dict[str, list[float]] = {engine: [] for engine in turns}
    for _ in range(options.repeats):
        for engine, turn in turns.items():
            times[engine].append(microseconds(turn, options.steps, device))
    return {
        "step_us": {engine: median(values) for engine, values in times.items()},
        "quartiles": {engine: quantiles(values, n=4) for engine, values in times.items()},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="cpu, cuda, or auto for the fastest of this machine")
    parser.add_argument("--recipe", default="course", choices=GAN, help="recipe")
    parser.add_argument("--engines", nargs="+", default=["auto", "manual"], choices=("auto", *STEPS), help="engines")
    parser.add_argument("--repeats", type=int, default=20, help="rounds, at least 3")
    parser.add_argument("--steps", type=int, default=40, help="steps of an engine in its turn")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.repeats < 3 or options.steps < 1:
        parser.error("needs --repeats of at least 3 and --steps of at least 1")
    configure_numerics()
    device = select_device(options.device)
    result = measure(options, device)
    software = environment(current_execution("auto", device))
    names = ("threads", "torch", "python", "system", "processor", "cuda")
    record = {"recipe": options.recipe, **result, "n": options.repeats, **{name: software[name] for name in names}}
    if options.json:
        print(json.dumps(record, indent=1))
        return
    print(f"recipe {options.recipe}, {record['cuda'] or record['processor']}, n = {options.repeats} turns")
    for engine, us in result["step_us"].items():
        low, _, high = result["quartiles"][engine]
        print(f"  {engine:<12} {us:8.1f} us ({low:.1f} to {high:.1f})")


if __name__ == "__main__":
    main()
