"""Train a GAN on MNIST: 25 images at the start, half way and the end, and every `--save_interval` steps."""

import argparse
import sys
from pathlib import Path

from torch import Tensor, nn

from palingen import pictures
from palingen.adversarial.experiment import GanRun
from palingen.adversarial.networks import MlpDiscriminator, MlpGenerator
from palingen.adversarial.train import train
from palingen.errors import Interrupted, PalingenError
from palingen.runs import choose_device


class Generator(MlpGenerator):
    """Noise `[batch, latent_dim]` to images `[batch, 1, 28, 28]` in -1 to 1."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__(latent_dim, batchnorm_eps=1e-5)


class Discriminator(nn.Module):
    """Images to the probability `[batch, 1]` that each is real."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = MlpDiscriminator()

    def forward(self, images: Tensor) -> Tensor:
        return self.logits(images).sigmoid().unsqueeze(1)


def main(config: argparse.Namespace) -> Path:
    """Train with `config`, or go on where it was stopped; the folder with the pictures."""
    run = GanRun(
        epochs=config.n_epochs,
        batch_size=config.batch_size,
        learning_rate=config.lr,
        latent_dim=config.latent_dim,
        save_interval=config.save_interval,
        data=config.data,
    )
    train(run, config.out, choose_device())
    for path in [*pictures.of_game(config.out, config.out), config.out / "snapshots"]:
        print(path)
    return config.out


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The flags as a config."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--n_epochs", type=int, default=200, help="number of epochs")
    parser.add_argument("--batch_size", type=int, default=64, help="batch size")
    parser.add_argument("--lr", type=float, default=0.0002, help="learning rate")
    parser.add_argument("--latent_dim", type=int, default=100, help="dimensionality of the latent space")
    parser.add_argument("--save_interval", type=int, default=500, help="steps between two pictures")
    parser.add_argument("--data", default="mnist", help="mnist, or a folder of four IDX files")
    parser.add_argument("--out", type=Path, default=Path("runs/my_gan"), help="folder to write to")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        main(parse())
    except Interrupted as stop:
        print(f"{stop}; the same command again goes on from there", file=sys.stderr)
        sys.exit(130)
    except (PalingenError, OSError) as error:
        print(f"my_gan.py: error: {error}", file=sys.stderr)
        sys.exit(2)
