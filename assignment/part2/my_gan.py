"""Train a GAN on MNIST; save 25 images at the start, half way and the end, and every `--save_interval` steps."""

import argparse
import sys
from pathlib import Path

from torch import Tensor, nn

from palingen import (
    GanConfig,
    Interrupted,
    MlpDiscriminator,
    MlpGenerator,
    Networks,
    PalingenError,
    figures,
    read_records,
    read_snapshots,
    select_device,
    train_gan,
)


class Generator(MlpGenerator):
    """Generator: latents `[batch, latent_dim]` to images `[batch, 1, 28, 28]` in [-1, 1]."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__(latent_dim, batchnorm_eps=1e-5)


class Discriminator(nn.Module):
    """Discriminator: images to the probability `[batch, 1]` that each is real."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = MlpDiscriminator()

    def forward(self, images: Tensor) -> Tensor:
        return self.logits(images).sigmoid().unsqueeze(1)


def networks(latent_dim: int, *_: object) -> Networks:
    """Networks that `main` trains. The loss takes the logit, whose sigmoid is the probability."""
    return Networks(Generator(latent_dim), Discriminator().logits)


def main(config: argparse.Namespace) -> Path:
    """Train with `config`, or resume an interrupted training; return the folder with the images and curves."""
    run = GanConfig(
        architecture=f"{Path(__file__)}:{networks.__name__}",
        epochs=config.n_epochs,
        batch_size=config.batch_size,
        learning_rate=config.lr,
        latent_dim=config.latent_dim,
        save_interval=config.save_interval,
        data=config.data,
    )
    train_gan(run, config.out, select_device())
    snapshots, curves = config.out / "snapshots.png", config.out / "curves.png"
    figures.save(snapshots, figures.snapshots(read_snapshots(config.out)))
    figures.save(curves, figures.gan_curves(read_records(config.out)))
    for path in (snapshots, curves, config.out / "snapshots"):
        print(path)
    return config.out


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--n_epochs", type=int, default=200, help="number of epochs")
    parser.add_argument("--batch_size", type=int, default=64, help="batch size")
    parser.add_argument("--lr", type=float, default=0.0002, help="learning rate")
    parser.add_argument("--latent_dim", type=int, default=100, help="dimensionality of the latent space")
    parser.add_argument("--save_interval", type=int, default=500, help="steps between two saved grids of images")
    parser.add_argument("--data", default="mnist", help="mnist, or a folder of IDX files")
    parser.add_argument("--out", type=Path, default=Path("runs/my_gan"), help="folder to write to")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        main(parse())
    except Interrupted as interrupt:
        print(f"{interrupt}; the same command resumes the training", file=sys.stderr)
        sys.exit(130)
    except (PalingenError, OSError) as error:
        print(f"my_gan.py: error: {error}", file=sys.stderr)
        sys.exit(2)
