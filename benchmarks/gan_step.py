"""Training step of the course's GAN against that of the widely copied public script and against plain JAX.

The script's step is written from its description: sigmoid and binary cross-entropy on probabilities, the generator's
update first, then the discriminator's with separate passes over real and fake images, and Adam with its defaults. JAX
has the whole step in one compiled function (`gan_step_jax.py`; needs the extra `bench`, and is left out without). Both
are compared with engines of `palingen gan train`, in float32 and in bfloat16. All use the same images in memory, with
subnormal numbers flushed.

Each implementation lives in a process of its own, as in training: in one process, the memory that one retains decides
whether the gradients of the others are paged in again at every step. In its turn an implementation takes several steps;
at a single one it would find its weights evicted from the caches by the others. Processes are kept on as many cores as
they have threads, the only way to limit those of JAX.

    python benchmarks/gan_step.py [--repeats 40] [--steps 40] [--batch-size 64] [--threads 2] [--cpu-time] [--json]
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import torch
from gan_step_arms import IMPLEMENTATIONS, build_step, missing_reason
from peak import peak_gflops
from rich.console import Console
from rich.progress import track
from torch import nn

from palingen.gan.config import GanConfig, build_networks
from palingen.runtime.environment import environment
from palingen.runtime.numerics import configure_numerics, current_execution
from palingen.runtime.processor import processor_name

WARMUP_TURNS = 2
"""Turns of each implementation that are not counted."""

RATIOS = {
    "ratio": ("script_ms", "ms"),
    "bf16_ratio": ("script_ms", "bf16_ms"),
    "jax_ratio": ("jax_ms", "ms"),
    "jax_bf16_ratio": ("jax_ms", "bf16_ms"),
}
"""Peer and implementation of each ratio of medians."""


def milliseconds(work: Callable[[], object], calls: int = 1, clock: Callable[[], float] = time.perf_counter) -> float:
    """Mean duration of a call."""
    start = clock()
    for _ in range(calls):
        work()
    return 1000 * (clock() - start) / calls


def lower_bound(config: GanConfig, threads: int, clock: Callable[[], float]) -> tuple[float, dict[str, float]]:
    """Milliseconds of the float32 products and of Adam's memory traffic at this machine's rates, and these rates.

    Products run at the peak of the multiply-add instructions. Multiplications: the generator forward and backward (3
    times its weights per image), the discriminator forward on real and fake images (2), backward to the fake images
    (1), and to its weights and hidden layers on both (4, except to the images). Adam reads weight, gradient and two
    averages and writes three: 28 bytes per weight.
    """
    networks = build_networks(config)
    linear = [[layer for layer in network.modules() if isinstance(layer, nn.Linear)] for network in networks]
    generator, discriminator = (sum(layer.weight.numel() for layer in layers) for layers in linear)
    first = linear[1][0].weight.numel()
    flop = 2 * config.batch_size * (3 * generator + 7 * discriminator - 2 * first)
    traffic = 28 * sum(weight.numel() for network in networks for weight in network.parameters())
    large = torch.randn(16_000_000)
    copy = torch.empty_like(large)
    copy_ms = min(milliseconds(lambda: copy.copy_(large), clock=clock) for _ in range(10))
    rates = {"peak_gflops": peak_gflops(threads), "gbyte_per_second": 8 * len(large) / copy_ms / 1e6}
    bound_ms = flop / rates["peak_gflops"] / 1e6 + traffic / rates["gbyte_per_second"] / 1e6
    return bound_ms, {**rates, "mflop_per_image": flop / config.batch_size / 1e6, "adam_mbyte": traffic / 1e6}


def limit_threads(threads: int) -> None:
    """Keep this process on as many cores as it may have threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    torch.set_num_threads(threads)


def clock_of(options: argparse.Namespace) -> Callable[[], float]:
    """Clock that the options choose, in seconds."""
    return time.process_time if options.cpu_time else time.perf_counter


def serve_turns(name: str, options: argparse.Namespace, connection: Connection) -> None:
    """Process of one implementation: at every request, send the milliseconds of a step in this turn."""
    limit_threads(options.threads)
    configure_numerics()
    implementation = IMPLEMENTATIONS[name]
    config = GanConfig(batch_size=options.batch_size, precision=implementation.precision)
    step = build_step(config, implementation.program)
    real = torch.rand(options.batch_size, 1, 28, 28) * 2 - 1
    while connection.recv():
        connection.send(milliseconds(partial(step, real), options.steps, clock_of(options)))


def measure_turns(options: argparse.Namespace) -> dict[str, list[float]]:
    """Milliseconds of a step in every turn, by implementation."""
    processes = multiprocessing.get_context("spawn")
    connections: dict[str, Connection] = {}
    children = []
    for name in options.only:
        connections[name], remote = processes.Pipe()
        children.append(processes.Process(target=serve_turns, args=(name, options, remote), daemon=True))
        children[-1].start()
    times: dict[str, list[float]] = {name: [] for name in options.only}
    rounds = range(WARMUP_TURNS + options.repeats)
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


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Medians over the rounds, in each of which every implementation takes some steps, and their ratios.

    A ratio is that of the peer's median to ours in float32 or bfloat16; the peers compute in float32.
    """
    times = measure_turns(options)
    limit_threads(options.threads)
    configure_numerics()
    medians = {IMPLEMENTATIONS[name].key: statistics.median(values) for name, values in times.items()}
    bound_ms, rates = lower_bound(GanConfig(batch_size=options.batch_size), options.threads, clock_of(options))
    software = environment(current_execution("manual", torch.device("cpu")))
    return {
        **medians,
        **{
            ratio: medians[peer] / medians[ours]
            for ratio, (peer, ours) in RATIOS.items()
            if peer in medians and ours in medians
        },
        "floor_ms": bound_ms,
        "quartiles": {name: statistics.quantiles(values, n=4) for name, values in times.items()},
        "batch_size": options.batch_size,
        "n": options.repeats,
        "steps_per_turn": options.steps,
        "clock": "CPU time" if options.cpu_time else "wall time",
        **rates,
        "cpu": processor_name(),
        **{name: software[name] for name in ("torch", "python", "system", "processor", "threads")},
    }


def print_table(result: dict[str, Any]) -> None:
    """Print the medians, their quartiles and ratios."""
    print(f"{result['cpu']}, {result['threads']} threads, batch {result['batch_size']}: {result['clock']} of a step,")
    print(f"medians (quartiles) of {result['n']} turns of {result['steps_per_turn']} steps, implementations in turns")
    print(f"  {'':<20} {'ms':>8}{'':<20}   times as fast as script   JAX")
    for name, (low, _, high) in result["quartiles"].items():
        ms = result[IMPLEMENTATIONS[name].key]
        peers = [f"{result[key] / ms:.2f}" if key in result else "-" for key in ("script_ms", "jax_ms")]
        print(f"  {name:<20} {ms:8.2f} {f'({low:.2f} to {high:.2f})':<20} {peers[0]:>23} {peers[1]:>7}")
    print(
        f"  {'lower bound':<20} {result['floor_ms']:8.2f} in float32: {result['mflop_per_image']:.1f} MFLOP an image at"
    )
    print(f"      {result['peak_gflops']:.0f} GFLOP/s, the peak of multiply-add instructions, and then Adam's", end=" ")
    print(f"{result['adam_mbyte']:.0f} MB\n      at {result['gbyte_per_second']:.0f} GB/s, both measured here")


def parse_options() -> argparse.Namespace:
    """Options of the command line."""
    reasons = {name: missing_reason(implementation) for name, implementation in IMPLEMENTATIONS.items()}
    available = [name for name, reason in reasons.items() if reason is None]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=available, choices=available, help="implementations")
    parser.add_argument("--repeats", type=int, default=40, help="counted rounds, at least 20")
    parser.add_argument("--steps", type=int, default=40, help="steps of an implementation in its turn")
    parser.add_argument("--batch-size", type=int, default=64, help="real images a step")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="threads and cores of each")
    parser.add_argument("--cpu-time", action="store_true", help="for a machine with other load; with --threads 1")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.repeats < 20 or options.batch_size < 2 or min(options.steps, options.threads) < 1:
        parser.error("needs --repeats of at least 20, --steps and --threads of at least 1, --batch-size of at least 2")
    for name in [name for name in IMPLEMENTATIONS if name not in available]:
        print(f"gan_step: {name} is left out: {reasons[name]}", file=sys.stderr)
    return options


def main() -> None:
    """Measure and print."""
    options = parse_options()
    result = measure(options)
    print(json.dumps(result)) if options.json else print_table(result)


if __name__ == "__main__":
    main()
