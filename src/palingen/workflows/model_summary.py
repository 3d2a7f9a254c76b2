"""Summary of the networks, computed from the networks themselves: layers, output shapes, parameters."""

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn

from palingen.gan.config import build_networks, count_generator_classes
from palingen.gan.data.mnist import IMAGE_SIZE
from palingen.gan.models.residual import DownBlock, UpBlock
from palingen.recipes import GAN, PALINDROME
from palingen.recurrence.cells import CellName
from palingen.recurrence.config import build_network
from palingen.runtime.atomic_io import write_json

STAGES = (
    *(nn.Linear, nn.Conv2d, nn.ConvTranspose2d, UpBlock, DownBlock),
    *(nn.Unflatten, nn.BatchNorm1d, nn.BatchNorm2d, nn.LeakyReLU, nn.Tanh),
)
"""Modules that are listed as one stage, whatever they contain."""

CELL_NAMES: tuple[CellName, ...] = get_args(CellName)

GAN_RECIPES = ("course", "residual", "residual-unconditional")
"""Recipes whose networks the report draws."""


def write_summary(path: Path) -> None:
    """Write the summary of all networks that the report draws, as JSON."""
    write_json(path, summarize_models())


def summarize_models() -> dict[str, Any]:
    """Parameters of each recurrent classifier by recipe and cell, and the stages of both GAN networks by recipe."""
    palindromes = {
        recipe: {cell: count_parameters(build_network(replace(config, cell=cell))) for cell in CELL_NAMES}
        for recipe, config in PALINDROME.items()
    }
    return {"palindromes": palindromes, "gan": {recipe: _summarize_gan(recipe) for recipe in GAN_RECIPES}}


def count_parameters(network: nn.Module) -> int:
    """Number of trainable numbers in a network."""
    return sum(parameter.numel() for parameter in network.parameters())


@torch.no_grad()
def list_stages(network: nn.Module, example: Tensor) -> list[dict[str, Any]]:
    """Stages of a network in the order of the forward pass: name, output shape without the batch, parameters.

    Args:
        network: the network.
        example: a batch of inputs.
    """
    stages: list[dict[str, Any]] = []

    def append_stage(stage: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        stages.append(
            {"name": type(stage).__name__, "shape": list(output.shape[1:]), "weights": count_parameters(stage)}
        )

    hooks = [stage.register_forward_hook(append_stage) for stage in _outermost_stages(network)]
    network.eval()(example)
    for hook in hooks:
        hook.remove()
    return stages


def _summarize_gan(recipe: str) -> dict[str, Any]:
    config = GAN[recipe]
    generator, discriminator = build_networks(config)
    num_classes = count_generator_classes(generator)
    latents = torch.zeros(1, config.latent_dim + num_classes)
    images = torch.zeros(1, config.channels, IMAGE_SIZE, IMAGE_SIZE)
    return {
        "latents": config.latent_dim,
        "classes": num_classes,
        "generator": list_stages(generator, latents),
        "discriminator": list_stages(discriminator, images),
        "generator_weights": count_parameters(generator),
        "discriminator_weights": count_parameters(discriminator),
    }


def _outermost_stages(network: nn.Module) -> list[nn.Module]:
    if isinstance(network, STAGES):
        return [network]
    return [stage for child in network.children() for stage in _outermost_stages(child)]
