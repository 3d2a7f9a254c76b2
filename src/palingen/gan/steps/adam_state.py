"""Checkpoint of Adam that does not depend on the engine: one engine updates a network as one tensor, others as many.

P  numbers in all parameters of a network
"""

from typing import Any

import torch
from torch import Tensor

MOMENTS = ("exp_avg", "exp_avg_sq")
"""Names of Adam's two moments in torch."""


class AdamState:
    """Resumable state of an Adam optimiser: steps so far, and each moment as one vector [P].

    Learning rate and betas are not part of it, since the schedules set them before every step.
    """

    def __init__(self, optimizer: torch.optim.Adam) -> None:
        self.optimizer = optimizer

    @property
    def _parameters(self) -> list[Tensor]:
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]

    def state_dict(self) -> dict[str, Any]:
        """Steps and moments; empty before the first step."""
        states = [self.optimizer.state[parameter] for parameter in self._parameters if self.optimizer.state]
        if not states:
            return {}
        moments = {name: torch.cat([state[name].flatten() for state in states]) for name in MOMENTS}
        return {"step": states[0]["step"], **moments}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Restore steps and moments."""
        self.optimizer.state.clear()
        if not state:
            return
        parameters = self._parameters
        sizes = [parameter.numel() for parameter in parameters]
        for parameter, *moments in zip(parameters, *(state[name].split(sizes) for name in MOMENTS), strict=True):
            self.optimizer.state[parameter] = {
                "step": state["step"].to(parameter.device, copy=True),
                # empty_like keeps the order in memory of convolutions
                **{
                    name: torch.empty_like(parameter, requires_grad=False).copy_(vector.view_as(parameter))
                    for name, vector in zip(MOMENTS, moments, strict=True)
                },
            }
