"""Gradients of recipe `residual`'s training step under its penalty: engine `penalty-jvp` against `autograd`.

Both engines compute the same gradients. They take turns on the same images, on one thread, as each process of
`palingen gan train --devices 2` does on two cores.

    python benchmarks/penalty_step.py [--repeats 20] [--batch-size 64] [--precision bfloat16]
"""

import argparse
import statistics
import time
from dataclasses import replace

import torch
from torch import nn

from palingen.gan.config import GanConfig, build_networks, require_classes
from palingen.gan.models import Networks
from palingen.gan.sampling.latents import append_one_hot
from palingen.gan.steps import STEPS
from palingen.gan.steps.protocol import StepInputs, TrainStep
from palingen.gan.trainer import step_setup
from palingen.recipes import GAN
from palingen.runtime.numerics import configure_numerics

ENGINES = ("autograd", "penalty-jvp")

WARMUP_STEPS = 3
"""Steps of each engine that are not counted."""


def build_steps(config: GanConfig) -> dict[str, TrainStep]:
    """Training step of each engine, on the same networks."""
    generator, discriminator = map(to_channels_last, build_networks(config))
    setup = step_setup(config, Networks(generator, discriminator))
    return {engine: STEPS[engine](setup) for engine in ENGINES}


def to_channels_last(network: nn.Module) -> nn.Module:
    """Network in the memory order of training."""
    return network.to(memory_format=torch.channels_last)


def random_inputs(config: GanConfig) -> StepInputs:
    """Random images, latents and classes."""
    num_classes = require_classes(config)
    labels = torch.arange(config.batch_size) % num_classes
    real = torch.rand(config.batch_size, 1, 28, 28) * 2 - 1
    latents = append_one_hot(torch.randn(config.batch_size, config.latent_dim), labels, num_classes)
    return StepInputs(real, latents, labels)


def measure(config: GanConfig, repeats: int) -> dict[str, list[float]]:
    """Milliseconds of every step, by engine; the engines take turns."""
    steps, inputs = build_steps(config), random_inputs(config)
    times: dict[str, list[float]] = {engine: [] for engine in steps}
    for _ in range(WARMUP_STEPS + repeats):
        for engine, step in steps.items():
            start = time.perf_counter()
            step.compute_gradients(inputs, config.penalty_weight)
            times[engine].append(1000 * (time.perf_counter() - start))
    return {engine: values[WARMUP_STEPS:] for engine, values in times.items()}


def main() -> None:
    """Print both medians with their quartiles, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20, help="rounds (default 20)")
    parser.add_argument("--batch-size", type=int, default=64, help="real images a step (default 64)")
    parser.add_argument("--precision", choices=["bfloat16", "float32"], default="bfloat16", help="of the products")
    options = parser.parse_args()
    if options.repeats < 2 or options.batch_size < 2:
        parser.error("needs --repeats and --batch-size of at least 2")
    configure_numerics()
    torch.set_num_threads(1)
    config = replace(GAN["residual"], batch_size=options.batch_size, precision=options.precision)
    times = measure(config, options.repeats)
    for engine, values in times.items():
        low, median, high = statistics.quantiles(values, n=4)
        print(f"{engine:12s} {median:6.1f} ms a step ({low:.1f} to {high:.1f})")
    autograd, penalty_jvp = (statistics.median(times[engine]) for engine in ENGINES)
    print(f"{'ratio':12s} {autograd / penalty_jvp:6.2f}")


if __name__ == "__main__":
    main()
