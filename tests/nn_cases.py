"""Every combination of a layer's options, and a comparison of ours with torch's: outputs, final states, gradients."""

from itertools import product
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import palingen.nn

KINDS = {"LSTM": {}, "GRU": {}, "RNN": {}, "RNN relu": {"nonlinearity": "relu"}}
"""Name of a layer, then a remark, to the options that make it this kind."""

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}

T, B, I, H = 6, 4, 3, 5
LENGTHS = [4, 6, 1, 4]


class Case(NamedTuple):
    """Options of a layer, and how it is called."""

    num_layers: int
    bias: bool
    batch_first: bool
    bidirectional: bool
    dropout: float
    form: str
    """`batched`, `unbatched`, `sorted` or `unsorted` (both packed), or `equal` (packed, equal lengths)."""

    with_state: bool


def all_cases():
    """Every combination that makes a difference."""
    forms = ("batched", "unbatched", "sorted", "unsorted", "equal")
    for values in product((1, 2), (True, False), (True, False), (True, False), (0.0, 0.5), forms, (True, False)):
        case = Case(*values)
        if not (case.dropout and case.num_layers == 1):
            yield case


def layer_pair(kind, case, dtype):
    """Torch's layer and ours, with the weights of one state dict."""
    options = {**KINDS[kind], **case._asdict(), "dtype": dtype}
    del options["form"], options["with_state"]
    theirs, ours = (getattr(module, kind.split()[0])(I, H, **options) for module in (nn, palingen.nn))
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def arguments(case, parts, dtype, generator):
    """Input and initial state (None if there is none), and their leaves."""

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_()

    unbatched = case.form == "unbatched"
    inputs = normal(T, I) if unbatched else normal(B, T, I) if case.batch_first else normal(T, B, I)
    rows = case.num_layers * (1 + case.bidirectional)
    state = [normal(rows, H) if unbatched else normal(rows, B, H) for _ in range(parts)] if case.with_state else []
    lengths = {"sorted": sorted(LENGTHS, reverse=True), "unsorted": LENGTHS, "equal": [T] * B}.get(case.form)
    packed = lengths and pack_padded_sequence(inputs, torch.tensor(lengths), case.batch_first, case.form == "sorted")
    hx = (tuple(state) if parts == 2 else state[0]) if state else None
    return packed or inputs, hx, [inputs, *state]


def flat(output, hidden):
    """Tensors of a result, the output first."""
    return [output.data if isinstance(output, PackedSequence) else output, *as_tuple(hidden)]


def as_tuple(hidden):
    """Parts of a state."""
    return hidden if isinstance(hidden, tuple) else (hidden,)


def results(layer, inputs, hx, leaves, seed):
    """Outputs, final states, and the gradients of all leaves and parameters, for one dropout mask."""
    torch.manual_seed(seed)
    output, hidden = layer(inputs, hx)
    tensors = flat(output, hidden)
    generator = torch.Generator().manual_seed(seed)
    d_tensors = [torch.randn(tensor.shape, generator=generator).to(tensor.dtype) for tensor in tensors]
    gradients = torch.autograd.grad(tensors, [*leaves, *layer.parameters()], d_tensors, retain_graph=True)
    return output, [*tensors, *gradients]
