"""What `generate.py` knows to write as vectors: the operations of a traced step, by their names in torch."""

from typing import Any

import torch

aten = torch.ops.aten

OPERATIONS: dict[Any, str] = {
    aten.add: "{0} + {1}",
    aten.sub: "{0} - {1}",
    aten.rsub: "{1} - {0}",
    aten.mul: "{0} * {1}",
    aten.div: "{0} / {1}",
    aten.neg: "-{0}",
    aten.reciprocal: "1.0f / {0}",
    aten.relu: "({0} > 0.0f ? {0} : {0} - {0})",
    aten.threshold_backward: "({1} > 0.0f ? {0} : {0} - {0})",
    aten.sigmoid: "sigmoid({0})",
    aten.tanh: "tanh({0})",
    aten.expm1: "expm1({0})",
    aten.exp: "expm1({0}) + 1.0f",
    aten.sigmoid_backward: "{0} * {1} * (1.0f - {1})",
    aten.tanh_backward: "{0} * (1.0f - {1} * {1})",
}
"""Operation to its vector form; a scalar is written as one, with which vectors compute as well."""

DEAR = {aten.sigmoid, aten.tanh, aten.expm1, aten.exp, aten.div}
"""Operations whose results are kept for the gradient."""

SAME = {
    aten.detach,
    aten.alias,
    aten.clone,
    aten.view,
    aten._to_copy,
    aten.expand,
}
ARRANGING = {
    aten.split,
    aten.split_with_sizes,
    aten.cat,
    aten.slice,
    aten.slice_backward,
}
"""Operations that take the stacked gates apart or put them together."""

ZEROS = {aten.zeros_like, aten.new_zeros, aten.zeros}
ONES = {aten.ones_like, aten.new_ones, aten.ones}


class UnknownOperationError(Exception):
    """The step does something that has no vector form here; the message says what."""
