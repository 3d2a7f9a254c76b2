"""Files of users that the tests name: parts that fit, and a file that leaves a mark where it is executed."""

from pathlib import Path

CELL = """
import torch
from palingen import Cell

def step(x_proj, h_proj, state):
    return (torch.tanh(x_proj + h_proj),)

Mine = Cell(step, gates=("h",))
"""
"""A cell with the equations of the RNN, whose C++ is that of the built-in one and need not be compiled again."""

GAN = """
from torch import nn
from torch.nn.functional import softplus
from palingen import AdversarialLoss, GradientPenalty, Networks, losses

Loss = AdversarialLoss(lambda real, fake: softplus(-fake).mean(), losses.bce_discriminator)
Penalty = GradientPenalty(lambda real, fake: real.mean() / 2)

def pair(latent_dim, batchnorm_eps, channels=1, num_classes=0):
    generator = nn.Sequential(nn.Linear(latent_dim + num_classes, 784 * channels), nn.Tanh(),
                              nn.Unflatten(1, (channels, 28, 28)))
    head = [] if num_classes else [nn.Flatten(0)]
    return Networks(generator, nn.Sequential(nn.Flatten(), nn.Linear(784 * channels, max(1, num_classes)), *head))
"""


def write_code(folder: Path, text: str = CELL, name: str = "mine.py") -> Path:
    """Write a file of code."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def marking(text: str, mark: Path) -> str:
    """Code that also creates a file when it is executed."""
    return f"{text}\nimport pathlib\npathlib.Path({str(mark)!r}).touch()\n"
