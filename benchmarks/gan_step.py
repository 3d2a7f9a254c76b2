"""Training step of the course's GAN against that of the widely copied public script, interleaved in one run.

The script's step is written from its description: sigmoid and binary cross-entropy on probabilities, the generator's
update first, then the discriminator's with separate passes over real and fake images, and Adam with its defaults. It
is compared with the engines `manual` and `autograd` of `palingen gan train`, in float32 and in bfloat16. All use the
same images in memory, with subnormal numbers flushed.

Each implementation lives in a process of its own, as in training: in one process, the memory that one retains decides
whether the gradients of the others are paged in again at every step. In its turn an implementation takes several steps;
at a single one it would find its weights evicted from the caches by the others.

    python benchmarks/gan_step.py [--repeats 40] [--steps 40] [--batch-size 64] [--json]
"""

import argparse
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from palingen.gan.config import GanConfig, build_networks
from palingen.gan.steps import STEPS
from palingen.gan.steps.protocol import StepInputs
from palingen.gan.trainer import step_setup
from palingen.runtime.environment import environment
from palingen.runtime.numerics import configure_numerics, current_execution

Step = Callable[[Tensor], None]

WARMUP_TURNS = 2
"""Turns of each implementation that are not counted."""


@dataclass(frozen=True)
class Implementation:
    """Implementation of the training step."""

    key: str
    """Key of its milliseconds in the JSON object."""

    engine: str | None
    """Engine of `palingen gan train`; None for the script."""

    precision: str = "float32"


IMPLEMENTATIONS = {
    "script": Implementation("script_ms", engine=None),
    "manual, float32": Implementation("ms", "manual"),
    "manual, bfloat16": Implementation("bf16_ms", "manual", "bfloat16"),
    "autograd, float32": Implementation("autograd_ms", "autograd"),
    "autograd, bfloat16": Implementation("autograd_bf16_ms", "autograd", "bfloat16"),
}


def script_step(config: GanConfig) -> Step:
    """Step of the script: two cross-entropy passes over probabilities, default Adam."""
    generator, discriminator = build_networks(config)
    discriminator = nn.Sequential(discriminator, nn.Sigmoid())
    cross_entropy = nn.BCELoss()
    generator_adam, discriminator_adam = (
        torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=(config.beta1, config.beta2))
        for network in (generator, discriminator)
    )

    def step(real: Tensor) -> None:
        ones, zeros = torch.ones(len(real)), torch.zeros(len(real))
        generator_adam.zero_grad()
        fake = generator(torch.randn(len(real), config.latent_dim))
        cross_entropy(discriminator(fake), ones).backward()
        generator_adam.step()
        discriminator_adam.zero_grad()
        real_loss = cross_entropy(discriminator(real), ones)
        fake_loss = cross_entropy(discriminator(fake.detach()), zeros)
        ((real_loss + fake_loss) / 2).backward()
        discriminator_adam.step()

    return step


def engine_step(config: GanConfig, engine: str) -> Step:
    """Step of `palingen gan train`."""
    train_step = STEPS[engine](step_setup(config, build_networks(config)))
    optimizers = [
        torch.optim.Adam(parameters, lr=config.learning_rate, betas=(config.beta1, config.beta2), fused=True)
        for parameters in train_step.parameters()
    ]

    def step(real: Tensor) -> None:
        train_step.compute_gradients(StepInputs(real, torch.randn(len(real), config.latent_dim)))
        for optimizer in optimizers:
            optimizer.step()

    return step


def milliseconds(work: Callable[[], object], calls: int = 1) -> float:
    """Mean duration of a call."""
    start = time.perf_counter()
    for _ in range(calls):
        work()
    return 1000 * (time.perf_counter() - start) / calls


def lower_bound(config: GanConfig) -> tuple[float, dict[str, float]]:
    """Milliseconds of the products and of Adam's memory traffic at the rates of this machine, and these rates.

    Multiplications: the generator forward and backward (3 times its weights per image), the discriminator forward on
    real and fake images (2), backward to the fake images (1), and to its weights and hidden layers on both (4, except
    to the images). Adam reads weight, gradient and two averages and writes three: 28 bytes per weight.
    """
    networks = build_networks(config)
    linear = [[layer for layer in network.modules() if isinstance(layer, nn.Linear)] for network in networks]
    generator, discriminator = (sum(layer.weight.numel() for layer in layers) for layers in linear)
    first = linear[1][0].weight.numel()
    flop = 2 * config.batch_size * (3 * generator + 7 * discriminator - 2 * first)
    traffic = 28 * sum(weight.numel() for network in networks for weight in network.parameters())
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    large = torch.randn(16_000_000)
    product, copy = torch.empty_like(a), torch.empty_like(large)
    product_ms = min(milliseconds(lambda: torch.mm(a, b, out=product)) for _ in range(20))
    copy_ms = min(milliseconds(lambda: copy.copy_(large)) for _ in range(10))
    rates = {"gflop_per_second": 2 * 1024**3 / product_ms / 1e6, "gbyte_per_second": 8 * len(large) / copy_ms / 1e6}
    bound_ms = flop / rates["gflop_per_second"] / 1e6 + traffic / rates["gbyte_per_second"] / 1e6
    return bound_ms, {**rates, "mflop_per_image": flop / config.batch_size / 1e6, "adam_mbyte": traffic / 1e6}


def serve_turns(name: str, batch_size: int, steps: int, connection: Connection) -> None:
    """Process of one implementation: at every request, send the milliseconds of a step in this turn."""
    configure_numerics()
    implementation = IMPLEMENTATIONS[name]
    config = GanConfig(batch_size=batch_size, precision=implementation.precision)
    step = engine_step(config, implementation.engine) if implementation.engine else script_step(config)
    real = torch.rand(batch_size, 1, 28, 28) * 2 - 1
    while connection.recv():
        connection.send(milliseconds(partial(step, real), steps))


def measure_turns(repeats: int, steps: int, batch_size: int) -> dict[str, list[float]]:
    """Milliseconds of a step in every turn, by implementation."""
    processes = multiprocessing.get_context("spawn")
    connections: dict[str, Connection] = {}
    children = []
    for name in IMPLEMENTATIONS:
        connections[name], remote = processes.Pipe()
        children.append(processes.Process(target=serve_turns, args=(name, batch_size, steps, remote), daemon=True))
        children[-1].start()
    times: dict[str, list[float]] = {name: [] for name in IMPLEMENTATIONS}
    rounds = range(WARMUP_TURNS + repeats)
    for turn in track(rounds, description="rounds", console=Console(stderr=True), transient=True):
        for name, connection in connections.items():
            connection.send(True)
            elapsed = connection.recv()
            if turn >= WARMUP_TURNS:
                times[name].append(elapsed)
    for connection, child in zip(connections.values(), children, strict=True):
        connection.send(False)
        child.join()
    return times


def measure(repeats: int, steps: int, batch_size: int) -> dict[str, Any]:
    """Medians over `repeats` rounds, in each of which every implementation takes `steps` steps."""
    configure_numerics()
    times = measure_turns(repeats, steps, batch_size)
    medians = {name: statistics.median(values) for name, values in times.items()}
    bound_ms, rates = lower_bound(GanConfig(batch_size=batch_size))
    software = environment(current_execution("manual"))
    return {
        **{implementation.key: medians[name] for name, implementation in IMPLEMENTATIONS.items()},
        "ratio": medians["script"] / medians["manual, float32"],
        "bf16_ratio": medians["script"] / medians["manual, bfloat16"],
        "floor_ms": bound_ms,
        "quartiles": {name: statistics.quantiles(values, n=4) for name, values in times.items()},
        "batch_size": batch_size,
        "n": repeats,
        "steps_per_turn": steps,
        **rates,
        **{name: software[name] for name in ("torch", "python", "system", "processor", "threads")},
    }


def print_table(result: dict[str, Any]) -> None:
    """Print the medians, their quartiles and ratios."""
    print(f"batch {result['batch_size']}, {result['threads']} threads, ", end="")
    print(f"medians of n = {result['n']} interleaved turns of {result['steps_per_turn']} steps")
    for name, implementation in IMPLEMENTATIONS.items():
        low, _, high = result["quartiles"][name]
        ms = result[implementation.key]
        print(f"  {name:<22} {ms:7.2f} ms ({low:.2f} to {high:.2f})   {result['script_ms'] / ms:.2f} x")
    print(f"  lower bound            {result['floor_ms']:7.2f} ms: {result['mflop_per_image']:.1f} MFLOP an image")
    print(f"      at {result['gflop_per_second']:.0f} GFLOP/s, {result['adam_mbyte']:.0f} MB a step", end=" ")
    print(f"at {result['gbyte_per_second']:.0f} GB/s, both measured here")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=40, help="counted rounds, at least 20")
    parser.add_argument("--steps", type=int, default=40, help="steps of an implementation in its turn")
    parser.add_argument("--batch-size", type=int, default=64, help="real images a step")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.repeats < 20 or options.steps < 1 or options.batch_size < 2:
        parser.error("needs --repeats of at least 20, --steps of at least 1 and --batch-size of at least 2")
    result = measure(options.repeats, options.steps, options.batch_size)
    print(json.dumps(result)) if options.json else print_table(result)


if __name__ == "__main__":
    main()
