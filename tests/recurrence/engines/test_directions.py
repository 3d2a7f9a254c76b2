"""Layers of one or two directions: the native engine against runs of each direction by the reference."""

import gc
import weakref

import pytest
import torch
from engine_cases import ALL_CELLS, Shape, random_case

from palingen.recurrence.cells import CELLS
from palingen.recurrence.engines import layer_runner

SHAPES = Shape(B=3, T=4, I=5, H=97), Shape(B=1, T=30, I=40, H=64), Shape(B=20, T=3, I=17, H=33)
"""Sequences whose directions run at the same time on several threads, a wide input, and a larger batch."""


def results(engine, cell, shape, *, directions, state):
    """Outputs of a layer with and without gradients, and the gradients of all arguments."""
    cases = [random_case(cell, shape, seed, state=state) for seed in range(directions)]
    inputs = cases[0].inputs.detach().transpose(0, 1).clone().requires_grad_()
    parts = zip(*(case.state or () for case in cases), strict=True)
    initial = tuple(torch.stack(part).detach().requires_grad_() for part in parts) or None
    weights = [case.weights for case in cases]
    run = layer_runner(engine, cell, inputs, shape.H)
    outputs, final_state = run(weights, inputs, initial)
    assert outputs.is_contiguous()
    with torch.no_grad():
        inferred, final_inferred = run(weights, inputs, initial)
    factors = torch.linspace(-1, 1, outputs.numel()).view_as(outputs)
    loss = (outputs * factors).sum() + sum(part.square().sum() for part in final_state)
    leaves = [inputs, *(initial or ()), *(w for each in weights for w in (*each[:3], *each.extra))]
    gradients = torch.autograd.grad(loss, leaves)
    return [outputs, *final_state, inferred, *final_inferred, *gradients]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ALL_CELLS)
def test_layers_on_any_number_of_threads_equal_runs_of_each_direction(name, shape):
    cell = ALL_CELLS[name]
    for directions, state in ((1, True), (2, False), (2, True)):
        expected = results("reference", cell, shape, directions=directions, state=state)
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            actual = results("native", cell, shape, directions=directions, state=state)
            for one, other in zip(actual, expected, strict=True):
                scale = float(other.detach().abs().max())
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * max(1.0, scale))


def test_one_direction_of_two_has_the_bits_of_one_alone():
    cell, shape = CELLS["lstm"], SHAPES[0]
    both = results("native", cell, shape, directions=2, state=False)[0]
    alone = results("native", cell, shape, directions=1, state=False)[0]
    assert torch.equal(both[..., : shape.H], alone)


def test_strided_inputs_and_gradients_of_outputs_are_read_where_they_lie():
    cell, shape = CELLS["gru"], SHAPES[0]
    cases = [random_case(cell, shape, seed) for seed in range(2)]
    weights = [case.weights for case in cases]
    gradients = []
    for inputs in (cases[0].inputs.detach().transpose(0, 1), cases[0].inputs.detach().transpose(0, 1).contiguous()):
        outputs, _ = layer_runner("native", cell, inputs, shape.H)(weights, inputs, None)
        d_outputs = torch.randn(2 * shape.H, *outputs.shape[:2], generator=torch.Generator().manual_seed(0))
        gradients.append(torch.autograd.grad(outputs, weights[1].weight_hh, d_outputs.permute(1, 2, 0))[0])
    assert torch.equal(*gradients)


def test_a_graph_is_freed_with_its_last_reference_and_not_by_the_garbage_collector():
    cell = CELLS["lstm"]
    case = random_case(cell, SHAPES[0])
    inputs = case.inputs.transpose(0, 1)
    gc.disable()
    try:
        outputs, _ = layer_runner("native", cell, inputs, SHAPES[0].H)([case.weights], inputs, None)
        reference = weakref.ref(outputs)
        outputs.sum().backward()
        del outputs
        assert reference() is None
    finally:
        gc.enable()
