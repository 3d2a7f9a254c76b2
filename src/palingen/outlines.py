"""What the networks are made of, read off the networks themselves: layers, shapes, weights."""

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn

from palingen.adversarial.convolutional import Grow, Shrink
from palingen.adversarial.experiment import networks
from palingen.files import write_json
from palingen.recipes import GAN, PALINDROME
from palingen.recurrence.cells import CellName
from palingen.recurrence.experiment import network

STAGES = (
    *(nn.Linear, nn.Conv2d, nn.ConvTranspose2d, Grow, Shrink),
    *(nn.Unflatten, nn.BatchNorm1d, nn.BatchNorm2d, nn.LeakyReLU, nn.Tanh),
)
"""What is told of a network; a block is told as one."""

CELL_NAMES: tuple[CellName, ...] = get_args(CellName)

PAIRS_TOLD = ("course", "residual", "residual-unconditional")


def write(path: Path) -> None:
    """Write the outlines of all networks that the report draws."""
    write_json(path, outlines())


def outlines() -> dict[str, Any]:
    """Weights of each recurrent classifier by recipe and cell; stages of each pair by recipe."""
    cells = {
        recipe: {cell: weights(network(replace(config, cell=cell), engine="equations")) for cell in CELL_NAMES}
        for recipe, config in PALINDROME.items()
    }
    return {"palindromes": cells, "gan": {name: _pair(name) for name in PAIRS_TOLD}}


def _pair(recipe: str) -> dict[str, Any]:
    config = GAN[recipe]
    generator, discriminator = networks(config)
    inputs = config.latent_dim + config.classes
    return {
        "latents": config.latent_dim,
        "classes": config.classes,
        "generator": stages(generator, torch.zeros(1, inputs)),
        "discriminator": stages(discriminator, torch.zeros(1, config.channels, 28, 28)),
        "generator_weights": weights(generator),
        "discriminator_weights": weights(discriminator),
    }


def weights(network: nn.Module) -> int:
    """How many numbers are learnt."""
    return sum(parameter.numel() for parameter in network.parameters())


@torch.no_grad()
def stages(network: nn.Module, example: Tensor) -> list[dict[str, Any]]:
    """The stages an example goes through, in their order, each with the shape it leaves."""
    passed: list[dict[str, Any]] = []

    def note(stage: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        passed.append({"name": type(stage).__name__, "shape": list(output.shape[1:]), "weights": weights(stage)})

    hooks = [stage.register_forward_hook(note) for stage in _outermost(network)]
    network.eval()(example)
    for hook in hooks:
        hook.remove()
    return passed


def _outermost(network: nn.Module) -> list[nn.Module]:
    if isinstance(network, STAGES):
        return [network]
    return [stage for child in network.children() for stage in _outermost(child)]
