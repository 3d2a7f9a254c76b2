"""Structure of networks that gradients derived by hand rest on."""

from torch import nn

from palingen.runtime.torch_private import has_hooks

SETTINGS = (
    *("negative_slope", "affine", "track_running_stats"),
    *("kernel_size", "stride", "padding", "dilation", "groups", "output_padding", "padding_mode"),
)
"""Attributes of layers in which networks must agree; sizes may differ."""

CHOICES = ("bias", "momentum")
"""Attributes that a layer may have as None."""

LayerKind = tuple[object, ...]


def layer_kinds(network: nn.Module) -> list[LayerKind]:
    """Type and settings of a network and each of its layers, in order."""
    return [
        (
            type(layer),
            *(getattr(layer, name, None) for name in SETTINGS),
            *(getattr(layer, name, None) is None for name in CHOICES),
        )
        for layer in network.modules()
    ]


def unsupported_use(*networks: nn.Module) -> str | None:
    """Reason why layers would not be computed as their types say, or None."""
    for network in networks:
        if has_hooks(network) or not all(layer.training for layer in network.modules()):
            return "supports no hooks, and training mode only"
    return None
