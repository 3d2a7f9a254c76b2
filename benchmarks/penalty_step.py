"""One step of the quality recipe under its penalty: gradients piece by piece against differentiating twice.

Both arms are the same game with the same gradients (`palingen.adversarial.pieces`); they take turns on the same images,
on one thread, as each process of `palingen gan train --devices 2` does on two cores.

    python benchmarks/penalty_step.py [--repeats 20] [--batch-size 64] [--precision bfloat16]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from palingen.adversarial.annealing import gamma
from palingen.adversarial.experiment import GanRun, networks
from palingen.adversarial.game import play, play_by_pieces
from palingen.adversarial.latent import with_classes
from palingen.adversarial.losses import LOSSES
from palingen.adversarial.penalties import PENALTIES
from palingen.recipes import GAN
from palingen.runs import choose_device

WARM_UP = 3
"""Steps of each arm that are not counted."""


def steps(config: GanRun) -> dict[str, Callable[[], object]]:
    """One step of each arm, on the same networks and images."""
    players = [network.to(memory_format=torch.channels_last) for network in networks(config)]
    labels = torch.arange(config.batch_size) % config.classes
    real = torch.rand(config.batch_size, 1, 28, 28) * 2 - 1
    latents = with_classes(torch.randn(config.batch_size, config.latent_dim), labels, config.classes)
    game = LOSSES[config.loss], config.discriminator_scale, real, latents, labels
    penalty = PENALTIES[config.penalty], gamma(config, 0.0)
    return {
        "twice": lambda: play(*players, *game, penalty, precision=config.precision),
        "pieces": lambda: play_by_pieces(*players, *game, penalty, config.precision),
    }


def measure(arms: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Milliseconds of each arm, one after the other in every round."""
    spent: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(WARM_UP + repeats):
        for name, step in arms.items():
            start = time.perf_counter()
            step()
            spent[name].append(1000 * (time.perf_counter() - start))
    return {name: times[WARM_UP:] for name, times in spent.items()}


def main() -> None:
    """Print both medians, their quartiles and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20, help="rounds (default 20)")
    parser.add_argument("--batch-size", type=int, default=64, help="real images a step (default 64)")
    parser.add_argument("--precision", choices=["bfloat16", "float32"], default="bfloat16", help="of the products")
    given = parser.parse_args()
    if given.repeats < 2 or given.batch_size < 1:
        parser.error("at least 2 repeats and 1 image a step")
    choose_device("cpu")
    torch.set_num_threads(1)
    config = replace(GAN["residual"], batch_size=given.batch_size, precision=given.precision)
    spent = measure(steps(config), given.repeats)
    for name, times in spent.items():
        low, middle, high = statistics.quantiles(times, n=4)
        print(f"{name:8s} {middle:6.1f} ms a step ({low:.1f} to {high:.1f})")
    print(f"ratio    {statistics.median(spent['twice']) / statistics.median(spent['pieces']):6.2f}")


if __name__ == "__main__":
    main()
