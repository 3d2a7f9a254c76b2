"""A step of the course's GAN, ours against the widely copied script's, in one run with the arms interleaved.

The script's arm is written from its description: sigmoid and binary cross-entropy on probabilities, the generator's
step first, then the discriminator's with separate passes over real and fake images, Adam as it comes. Ours are the step
of `palingen gan train --engine by-hand` (float32, and bfloat16 products), and the same by autograd. All on the same
images in memory, all with subnormal numbers flushed. Each arm lives in a process of its own, as in training: in one
process what an arm keeps in memory decides whether the others' gradients are paged in anew at every step. At its turn
an arm takes several steps; with one, it would find its weights driven out of the caches by the others'.

    python benchmarks/gan_step.py [--repeats 40] [--steps 40] [--batch-size 64] [--json]
"""

import argparse
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from palingen.adversarial.experiment import GanRun, networks
from palingen.adversarial.steps import Steps
from palingen.runs import choose_device, environment

Step = Callable[[Tensor], None]

ARMS = {
    "script": ("script_ms", {}),
    "by hand, float32": ("ms", {"engine": "by-hand"}),
    "by hand, bfloat16": ("bf16_ms", {"engine": "by-hand", "precision": "bfloat16"}),
    "autograd, float32": ("autograd_ms", {}),
    "autograd, bfloat16": ("autograd_bf16_ms", {"precision": "bfloat16"}),
}
"""Each arm's key in the JSON object, and its settings."""

WARM_UP = 2
"""Turns of each arm that are not counted."""


def script_step(config: GanRun) -> Step:
    """The script's step: two cross-entropy passes over probabilities, default Adam."""
    generator, discriminator = networks(config)
    discriminator = nn.Sequential(discriminator, nn.Sigmoid())
    cross_entropy = nn.BCELoss()
    of_generator, of_discriminator = (
        torch.optim.Adam(player.parameters(), lr=config.learning_rate, betas=(config.beta1, config.beta2))
        for player in (generator, discriminator)
    )

    def step(real: Tensor) -> None:
        valid, invalid = torch.ones(len(real)), torch.zeros(len(real))
        of_generator.zero_grad()
        fake = generator(torch.randn(len(real), config.latent_dim))
        cross_entropy(discriminator(fake), valid).backward()
        of_generator.step()
        of_discriminator.zero_grad()
        real_loss = cross_entropy(discriminator(real), valid)
        fake_loss = cross_entropy(discriminator(fake.detach()), invalid)
        ((real_loss + fake_loss) / 2).backward()
        of_discriminator.step()

    return step


def our_step(config: GanRun) -> Step:
    """The step of `palingen gan train`."""
    steps = Steps(config, *networks(config))

    def step(real: Tensor) -> None:
        steps.play(real, torch.randn(len(real), config.latent_dim))
        steps.move()

    return step


def milliseconds(work: Callable[[], object], times: int = 1) -> float:
    """How long it takes, the mean of so many times."""
    start = time.perf_counter()
    for _ in range(times):
        work()
    return 1000 * (time.perf_counter() - start) / times


def floor(config: GanRun) -> tuple[float, dict[str, float]]:
    """The least time that products and Adam's traffic take at the rates of this machine, and these rates.

    Multiplications: the generator forward and back (3 times its weights an image), the discriminator forward on real
    and fake (2), back to the fake images (1), and to its weights and hidden layers on both (4, but for the images).
    Adam reads weight, gradient and two averages and writes three: 28 bytes a weight.
    """
    generator, discriminator = networks(config)
    products = [
        sum(layer.weight.numel() for layer in player.modules() if isinstance(layer, nn.Linear))
        for player in (generator, discriminator)
    ]
    first = next(layer.weight.numel() for layer in discriminator.modules() if isinstance(layer, nn.Linear))
    flop = 2 * config.batch_size * (3 * products[0] + 7 * products[1] - 2 * first)
    traffic = 28 * sum(weight.numel() for player in (generator, discriminator) for weight in player.parameters())
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    big = torch.randn(16_000_000)
    out, copy = torch.empty_like(a), torch.empty_like(big)
    product_ms = min(milliseconds(lambda: torch.mm(a, b, out=out)) for _ in range(20))
    copy_ms = min(milliseconds(lambda: copy.copy_(big)) for _ in range(10))
    rates = {"gflop_per_second": 2 * 1024**3 / product_ms / 1e6, "gbyte_per_second": 8 * len(big) / copy_ms / 1e6}
    floor_ms = flop / rates["gflop_per_second"] / 1e6 + traffic / rates["gbyte_per_second"] / 1e6
    return floor_ms, {**rates, "mflop_per_image": flop / config.batch_size / 1e6, "adam_mbyte": traffic / 1e6}


def take_turns(name: str, batch_size: int, steps: int, turns: Connection) -> None:
    """An arm's process: whenever it is asked, the milliseconds of a step at this turn."""
    choose_device("cpu")
    _, settings = ARMS[name]
    config = replace(GanRun(batch_size=batch_size), **settings)
    step = script_step(config) if name == "script" else our_step(config)
    real = torch.rand(batch_size, 1, 28, 28) * 2 - 1
    while turns.recv():
        turns.send(milliseconds(partial(step, real), steps))


def measure(repeats: int, steps: int, batch_size: int) -> dict[str, Any]:
    """Medians over `repeats` rounds, in each of which every arm takes `steps` steps."""
    choose_device("cpu")
    processes = multiprocessing.get_context("spawn")
    arms: dict[str, Connection] = {}
    started = []
    for name in ARMS:
        arms[name], theirs = processes.Pipe()
        started.append(processes.Process(target=take_turns, args=(name, batch_size, steps, theirs), daemon=True))
        started[-1].start()
    times: dict[str, list[float]] = {name: [] for name in arms}
    for turn in track(range(WARM_UP + repeats), description="rounds", console=Console(stderr=True), transient=True):
        for name, arm in arms.items():
            arm.send(True)
            spent = arm.recv()
            if turn >= WARM_UP:
                times[name].append(spent)
    for arm, process in zip(arms.values(), started, strict=True):
        arm.send(False)
        process.join()
    median = {name: statistics.median(values) for name, values in times.items()}
    floor_ms, rates = floor(GanRun(batch_size=batch_size))
    surroundings = environment()
    return {
        **{key: median[name] for name, (key, _) in ARMS.items()},
        "ratio": median["script"] / median["by hand, float32"],
        "bf16_ratio": median["script"] / median["by hand, bfloat16"],
        "floor_ms": floor_ms,
        "quartiles": {name: statistics.quantiles(values, n=4) for name, values in times.items()},
        "batch_size": batch_size,
        "n": repeats,
        "steps_a_turn": steps,
        **rates,
        **{name: surroundings[name] for name in ("torch", "python", "system", "processor", "threads")},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=40, help="rounds counted, at least 20")
    parser.add_argument("--steps", type=int, default=40, help="of an arm at its turn")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    if arguments.repeats < 20 or arguments.steps < 1 or arguments.batch_size < 2:
        parser.error("at least 20 repeats, a step a turn and 2 images a step")
    result = measure(arguments.repeats, arguments.steps, arguments.batch_size)
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"batch {result['batch_size']}, {result['threads']} threads, ", end="")
    print(f"medians of n = {result['n']} interleaved turns of {result['steps_a_turn']} steps")
    for name, (key, _) in ARMS.items():
        low, _, high = result["quartiles"][name]
        print(f"  {name:<22} {result[key]:7.2f} ms ({low:.2f} to {high:.2f})   ", end="")
        print(f"{result['script_ms'] / result[key]:.2f} x")
    print(f"  floor                  {result['floor_ms']:7.2f} ms: {result['mflop_per_image']:.1f} MFLOP an image")
    print(f"      at {result['gflop_per_second']:.0f} GFLOP/s, {result['adam_mbyte']:.0f} MB a step", end=" ")
    print(f"at {result['gbyte_per_second']:.0f} GB/s, both measured here")


if __name__ == "__main__":
    main()
