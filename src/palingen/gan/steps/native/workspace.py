"""Memory of a step for one batch size, and the arguments that refer to it.

B  images      C  columns: B padded to whole vectors, and twice that many in the discriminator      N  features
"""

import ctypes
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from palingen.gan.steps.native.arguments import LayerArgs, NetworkArgs, StepArgs, pointer
from palingen.gan.steps.native.layers import MlpLayer


class Workspace:
    """Buffers of a step, and its arguments but for those that change from step to step.

    Args:
        networks: layers of generator and discriminator.
        flat: parameters of each as one tensor, with their gradients.
        images: B.
        vector_size: floats in a vector.
    """

    def __init__(
        self, networks: Sequence[Sequence[MlpLayer]], flat: Sequence[nn.Parameter], images: int, vector_size: int
    ) -> None:
        self._memory: list[object] = []
        generator, discriminator = networks
        columns = -(-images // vector_size) * vector_size
        pixels = self._allocate(discriminator[0].linear.in_features, 2 * columns)
        latents = self._allocate(generator[0].linear.in_features, columns)
        self.logits, self.dG_dlogits, self.dL_dlogits = (self._allocate(2 * images) for _ in range(3))
        self.metrics = self._allocate(4)
        self.arguments = StepArgs(
            images=images,
            columns=columns,
            logits=pointer(self.logits),
            d_generator=pointer(self.dG_dlogits),
            d_discriminator=pointer(self.dL_dlogits),
            metrics=pointer(self.metrics),
        )
        self.arguments.generator = self._network(generator, flat[0], latents, pixels[:, columns:])
        self.arguments.discriminator = self._network(discriminator, flat[1], pixels, None)

    def _allocate(self, *shape: int) -> Tensor:
        self._memory.append(tensor := torch.zeros(*shape))
        return tensor

    def _network(
        self, layers: Sequence[MlpLayer], flat: nn.Parameter, inputs: Tensor, outputs: Tensor | None
    ) -> NetworkArgs:
        """Arguments of a network on `inputs` [N, columns]; `outputs` is where the last layer writes."""
        columns = inputs.shape[1]
        last = len(layers) - 1
        array = (LayerArgs * len(layers))(
            *(self._layer(layer, columns, outputs if index == last else None) for index, layer in enumerate(layers))
        )
        self._memory.append(array)
        pointers = {"inputs": pointer(inputs), "parameters": pointer(flat)}
        return NetworkArgs(
            layers=ctypes.cast(array, ctypes.POINTER(LayerArgs)), count=last + 1, columns=columns, **pointers
        )

    def _layer(self, layer: MlpLayer, columns: int, values: Tensor | None) -> LayerArgs:
        linear, norm = layer.linear, layer.norm
        features = linear.out_features
        values = self._allocate(features, columns) if values is None else values
        arguments = LayerArgs(
            inputs=linear.in_features,
            outputs=features,
            activation=layer.activation,
            weight=pointer(linear.weight),
            bias=pointer(linear.bias),
            values=pointer(values),
            stride=values.stride(0),
            gradient=pointer(self._allocate(features, columns)),
            slope=layer.slope,
        )
        if norm is not None:
            for name, tensor in {
                "scale": norm.weight,
                "shift": norm.bias,
                "running_mean": norm.running_mean,
                "running_var": norm.running_var,
                "num_batches": norm.num_batches_tracked,
                "inverse_std": self._allocate(features),
                "normalized": self._allocate(features, columns),
            }.items():
                setattr(arguments, name, pointer(tensor))
            arguments.momentum, arguments.eps = norm.momentum, norm.eps
        return arguments
