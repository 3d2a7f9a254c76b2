"""Every engine is the equations: outputs, gradients, gradients of gradients, whatever the shapes and states."""

import dataclasses
import itertools
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from palingen.errors import ConfigError
from palingen.recurrence import engines
from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.engines import ENGINES, choose, fused, kernels, native
from palingen.recurrence.network import Classifier, Recurrent
from palingen.recurrence.unroll import Weights, unroll


def leaky(x_part, h_part, state):
    """A cell that is not in the registry and looks at the parts apart."""
    (h,) = state
    return (0.5 * h + torch.tanh(x_part - 0.5 * h_part * h),)


OWN = Cell(leaky, gates=("h",))
PAIRS = [(engine, name) for engine in ("native", "fused") for name in (*CELLS, "own")]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5}
"""Largest difference, relative to the largest number of a tensor. Float32 rounds at 6e-8, and sums up to 130 of those
at each of a few steps; the polynomials of the native engine add as much again."""

shapes = st.tuples(st.integers(1, 9), st.integers(1, 7), st.integers(1, 5), st.integers(1, 35))


def cell_called(name):
    return OWN if name == "own" else CELLS[name]


def case(cell, shape, seed, dtype, *, state=True):
    """Leaf tensors for a run: inputs, state and weights, all wanting gradients."""
    B, T, I, H = shape
    generator = torch.Generator().manual_seed(seed)

    def some(*size, scale=1.0):
        return (scale * torch.randn(*size, generator=generator, dtype=torch.float64)).to(dtype).requires_grad_()

    GH = len(cell.gates) * H
    start = [some(B, H) for _ in cell.state] if state else []
    weights = Weights(some(GH, I), some(GH, H, scale=H**-0.5), some(GH), tuple(some(H) for _ in cell.extras))
    return some(B, T, I), start, weights


def run_both(engine, cell, shape, seed, *, state=True, resets=None, recompute=False, only_last=False, dtype=None):
    """Outputs and gradients of the equations in float64, and of the engine."""
    dtype = dtype or (torch.float32 if engine == "native" else torch.float64)
    found = []
    for way, kind in (("equations", torch.float64), (engine, dtype)):
        inputs, start, weights = case(cell, shape, seed, torch.float32)  # both round once, at the same place
        leaves = [
            tensor.detach().to(kind).requires_grad_() for tensor in (inputs, *start, *weights[:3], *weights.extras)
        ]
        inputs, *rest = leaves
        start, rest = rest[: len(start)], rest[len(start) :]
        weights = Weights(*rest[:3], tuple(rest[3:]))
        ran = engines.run(way, cell, weights, inputs, tuple(start) or None, resets, recompute=recompute)
        outputs = [*([] if only_last else ran.states), *ran.last]
        generator = torch.Generator().manual_seed(seed + 1)
        arriving = [torch.randn(out.shape, generator=generator, dtype=torch.float64).to(kind) for out in outputs]
        gradients = torch.autograd.grad(outputs, leaves, arriving, allow_unused=True, materialize_grads=True)
        found.append([*ran.states, *ran.last, *gradients])
    return found, TOLERANCE[dtype]


def assert_equal(found, tolerance):
    for wanted, got in zip(*found, strict=True):
        assert got.shape == wanted.shape
        scale = max(1.0, wanted.abs().max().item())
        assert (got.double() - wanted).abs().max().item() <= tolerance * scale


@pytest.fixture(scope="module", autouse=True)
def _native_is_there():
    """These tests must not pass because there was nothing to test."""
    for cell in (*CELLS.values(), OWN):
        assert native.missing(cell, torch.zeros(1, 1, 1)) is None


@pytest.mark.parametrize("name", [*CELLS, "own"])
@given(shape=shapes, seed=st.integers(0, 1000), state=st.booleans(), last=st.booleans(), recompute=st.booleans())
@settings(max_examples=30)
def test_the_native_engine_equals_the_equations(name, shape, seed, state, last, recompute):
    assert_equal(*run_both("native", cell_called(name), shape, seed, state=state, only_last=last, recompute=recompute))


@pytest.mark.parametrize("hidden", [1, 15, 16, 17, 33])
def test_units_that_pad_a_vector_never_matter(hidden):
    def contrary(x_part, h_part, state):
        both = x_part + h_part
        return (torch.tanh(both * (both / both)),)  # no number where nothing is, as in padding

    assert_equal(*run_both("native", Cell(contrary, gates=("h",)), (3, 4, 2, hidden), 0))


@pytest.mark.parametrize("name", [*CELLS, "own"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 7, 2, 5)])
def test_the_fused_engine_equals_the_equations(name, shape):
    ways = itertools.product((False, True), repeat=3)
    for seed, (state, last, recompute) in enumerate(ways):
        found = run_both("fused", cell_called(name), shape, seed, state=state, only_last=last, recompute=recompute)
        assert_equal(*found)


@pytest.mark.parametrize(("engine", "name"), PAIRS)
def test_a_hundred_steps_stay_equal(engine, name):
    assert_equal(*run_both(engine, cell_called(name), (3, 100, 2, 5), 0, dtype=torch.float32))


@pytest.mark.parametrize(("engine", "name"), PAIRS)
def test_a_large_layer_is_equal_on_several_threads(engine, name):
    assert_equal(*run_both(engine, cell_called(name), (37, 5, 10, 128), 0))


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize(("engine", "name"), [*PAIRS, ("equations", "lstm")])
def test_a_reset_forgets_everything_before_it(engine, name, recompute):
    resets = torch.rand(3, 7, generator=torch.Generator().manual_seed(0)) < 0.3
    resets[0, 3], resets[1, 0] = True, True
    for state in (False, True):
        found, tolerance = run_both(
            engine, cell_called(name), (3, 7, 2, 5), 1, state=state, resets=resets, recompute=recompute
        )
        assert_equal(found, tolerance)
    cell = cell_called(name)
    inputs, start, weights = case(cell, (3, 7, 2, 5), 1, torch.float32)
    ran = engines.run(engine, cell, weights, inputs, tuple(start), resets)
    alone = unroll(cell, weights, inputs[:1, 3:], None, resets[:1, 3:])
    torch.testing.assert_close(ran.last[0][:1], alone.last[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("engine", "name"), PAIRS)
def test_inputs_and_weights_need_not_lie_in_order(engine, name):
    cell = cell_called(name)
    inputs, start, weights = case(cell, (3, 7, 2, 5), 0, torch.float32)
    plain = engines.run(engine, cell, weights, inputs, tuple(start))
    shuffled = inputs.detach().permute(2, 1, 0).contiguous().permute(2, 1, 0)
    turned = weights._replace(hidden=weights.hidden.T.contiguous().T, input=weights.input.T.contiguous().T)
    assert not shuffled.is_contiguous()
    again = engines.run(engine, cell, turned, shuffled, tuple(part.T.contiguous().T for part in start))
    for one, other in zip((*plain.states, *plain.last), (*again.states, *again.last), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    arriving = torch.randn(5, 7, 3).permute(2, 1, 0)
    wanted = torch.autograd.grad(plain.states[0], weights.hidden, arriving, retain_graph=True)[0]
    got = torch.autograd.grad(again.states[0], weights.hidden, arriving.contiguous())[0]
    torch.testing.assert_close(wanted, got, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("engine", "name"), PAIRS)
def test_gradients_can_be_differentiated_again(engine, name):
    cell = cell_called(name)
    found = []
    for way in ("equations", engine):
        inputs, start, weights = case(cell, (2, 3, 2, 4), 0, torch.float32)
        ran = engines.run(way, cell, weights, inputs, tuple(start))
        (slope,) = torch.autograd.grad(ran.states[0].square().sum(), inputs, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), [inputs, weights.hidden, *start]))
    for wanted, got in zip(*found, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("engine", "name"), PAIRS)
def test_a_kept_graph_gives_the_same_gradients_twice(engine, name):
    cell = cell_called(name)
    inputs, start, weights = case(cell, (3, 7, 2, 5), 0, torch.float32)
    loss = engines.run(engine, cell, weights, inputs, tuple(start)).last[0].square().sum()
    once = torch.autograd.grad(loss, [inputs, weights.hidden], retain_graph=True)
    twice = torch.autograd.grad(loss, [inputs, weights.hidden])
    for one, other in zip(once, twice, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("engine", "name"), PAIRS)
def test_two_graphs_at_once_do_not_disturb_each_other(engine, name):
    cell = cell_called(name)
    (inputs, start, weights), (others, _, _) = (case(cell, (3, 7, 2, 5), seed, torch.float32) for seed in (0, 1))

    def gradient(of):
        return torch.autograd.grad(of.last[0].sum(), weights.hidden)[0]

    alone = [gradient(engines.run(engine, cell, weights, these, tuple(start))) for these in (inputs, others)]
    together = [engines.run(engine, cell, weights, these, tuple(start)) for these in (inputs, others)]
    for wanted, ran in zip(alone, together, strict=True):
        assert torch.equal(gradient(ran), wanted)


@pytest.mark.parametrize(("engine", "name"), PAIRS)
def test_without_gradients_the_outputs_are_the_same(engine, name):
    cell = cell_called(name)
    inputs, start, weights = case(cell, (3, 7, 2, 5), 0, torch.float32)
    wanted = engines.run(engine, cell, weights, inputs, tuple(start))
    with torch.no_grad():
        got = engines.run(engine, cell, weights, inputs, tuple(start))
    assert torch.equal(got.states[0], wanted.states[0])
    assert not got.states[0].requires_grad


@pytest.mark.parametrize("engine", [*ENGINES])
def test_changing_an_output_in_place_is_noticed(engine):
    inputs, start, weights = case(CELLS["lstm"], (3, 7, 2, 5), 0, torch.float32)
    ran = engines.run(engine, CELLS["lstm"], weights, inputs, tuple(start))
    if engine != "equations":  # there the stacked outputs are copies
        with torch.no_grad():
            ran.states[0].mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            ran.last[0].sum().backward()


@pytest.mark.parametrize(("engine", "name"), PAIRS)
def test_under_autocast_an_engine_keeps_the_precision_of_its_weights(engine, name):
    cell = cell_called(name)
    inputs, start, weights = case(cell, (3, 7, 2, 5), 0, torch.float32)
    plain = engines.run(engine, cell, weights, inputs, tuple(start))
    with torch.autocast("cpu", torch.bfloat16):
        cast = engines.run(engine, cell, weights, inputs.bfloat16().float(), tuple(start))
        rough = engines.run("equations", cell, weights, inputs, tuple(start))
    cast.last[0].sum().backward()
    assert cast.last[0].dtype == torch.float32
    assert weights.hidden.grad.isfinite().all()
    torch.testing.assert_close(cast.last[0], plain.last[0], rtol=0.02, atol=0.02)  # bf16 has 8 bits
    torch.testing.assert_close(rough.last[0].float(), plain.last[0], rtol=0.1, atol=0.1)


@given(name=st.sampled_from([*CELLS]), seed=st.integers(0, 100), longest=st.integers(1, 8))
@settings(max_examples=20)
def test_ragged_sequences_are_what_each_would_be_alone(name, seed, longest):
    torch.manual_seed(seed)
    layer = Recurrent(name, 2, 5, engine="auto")
    lengths = torch.randint(1, longest + 1, (4,))
    inputs = torch.randn(4, longest, 2)
    for row, length in enumerate(lengths):
        inputs[row, length:] = float("nan")  # what lies beyond the end must not matter
    ran = layer(inputs, lengths=lengths)
    wanting = list(layer.parameters())
    gradients = torch.autograd.grad(
        sum(part.sum() for part in ran.last), wanting, allow_unused=True, materialize_grads=True
    )
    assert all(gradient.isfinite().all() for gradient in gradients)
    for row, length in enumerate(lengths.tolist()):
        alone = layer(inputs[row : row + 1, :length])
        for whole, one in zip(ran.states, alone.states, strict=True):
            torch.testing.assert_close(whole[row, :length], one[0])
            assert not whole[row, length:].any()
        for whole, one in zip(ran.last, alone.last, strict=True):
            torch.testing.assert_close(whole[row], one[0])


@pytest.mark.parametrize("lengths", [[0, 3], [2, 4]])
def test_a_length_that_cannot_be_is_refused(lengths):
    with pytest.raises(ValueError, match="not all between 1 and the 3 steps"):
        Recurrent("lstm", 2, 5)(torch.zeros(2, 3, 2), lengths=torch.tensor(lengths))


@pytest.mark.parametrize("engine", ["native", "fused", "equations"])
def test_a_learnt_first_state_starts_at_zero_and_gets_a_gradient(engine):
    torch.manual_seed(0)
    layer = Recurrent("lstm", 2, 5, engine=engine, learn_state=True)
    inputs = torch.randn(4, 3, 2)
    ran = layer(inputs)
    rest = engines.run(engine, layer.cell, Weights(layer.input_weight, layer.hidden_weight, layer.bias), inputs)
    torch.testing.assert_close(ran.last, rest.last)
    ran.last[0].sum().backward()
    assert all(part.grad.abs().sum() > 0 for part in layer.first.values())
    with torch.no_grad():
        layer.first["h"].fill_(0.5)
        layer.first["c"].fill_(-1.0)
    given = (torch.full((4, 5), 0.5), torch.full((4, 5), -1.0))
    torch.testing.assert_close(layer(inputs).last, layer(inputs, given).last)


def wavy(x_part, h_part, state):
    """A cell with an operation that the native engine does not know."""
    return (torch.sin(x_part + h_part),)


def test_auto_takes_the_native_engine_and_has_torch_compile_only_for_long_sequences():
    short, long = torch.zeros(2, 4, 1), torch.zeros(2, engines.REPAID, 1)
    assert choose("auto", CELLS["lstm"], short) == choose("auto", OWN, long) == "native"
    for cell, inputs in ((CELLS["lstm"], torch.float64), (Cell(wavy, gates=("h",)), torch.float32)):
        assert choose("auto", cell, short.to(inputs)) == "equations"
        assert choose("auto", cell, long.to(inputs)) == "fused"


def test_an_engine_that_cannot_run_a_cell_says_why():
    with pytest.raises(ConfigError, match=r"no vector form of aten\.sin"):
        choose("native", Cell(wavy, gates=("h",)), torch.zeros(1, 1, 1))
    with pytest.raises(ConfigError, match="5 parts, more than 4"):
        choose("native", Cell(wavy, gates=("h",), state=tuple("hcdef")), torch.zeros(1, 1, 1))
    with pytest.raises(ConfigError, match=r"not torch\.float64 on cpu"):
        choose("native", CELLS["lstm"], torch.zeros(1, 1, 1, dtype=torch.float64))
    with pytest.raises(ConfigError, match="did you mean 'fused'"):
        choose("fusd", CELLS["lstm"], torch.zeros(1, 1, 1))


def test_a_cell_that_only_adds_its_parts_is_told_from_others():
    assert [name for name in CELLS if kernels.only_adds(CELLS[name])] == ["rnn", "lstm", "peephole"]
    assert not kernels.only_adds(OWN)
    assert not kernels.only_adds(Cell(lambda x, h, state: (torch.tanh(h + h),), gates=("h",)))
    assert not kernels.only_adds(Cell(lambda x, h, state: (torch.tanh(x + h) * x,), gates=("h",)))


def test_the_compiled_step_does_not_depend_on_the_length():
    before = kernels.kernels.cache_info().misses
    for steps in (2, 9, 33):
        run_both("fused", CELLS["rnn"], (2, steps, 1, 3), 0)
    assert kernels.kernels.cache_info().misses <= before + 1


def test_a_changed_cell_is_compiled_anew():
    slower = dataclasses.replace(OWN, step=lambda x, h, state: (0.9 * state[0] + 0.1 * torch.tanh(x + h),))
    for cell in (OWN, slower):
        assert_equal(*run_both("fused", cell, (3, 4, 2, 5), 0))


@pytest.mark.parametrize("engine", ["native", "fused", "auto"])
def test_without_a_compiler_there_is_one_line_and_the_same_result(tmp_path, engine):
    program = f"""
import sys, torch
from palingen.recurrence.network import Classifier
torch.manual_seed(0)
model = Classifier("lstm", 1, 4, 10, engine={engine!r})
loss = model(torch.ones(2, 60, 1)).sum()
loss.backward()
print(loss.item(), model.recurrent.hidden_weight.grad.sum().item())
"""
    hidden = {"CXX": "no-such-compiler", "PALINGEN_CACHE": str(tmp_path), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **hidden}, capture_output=True, text=True, timeout=120
    )
    if engine == "native":
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].endswith("no C++ compiler (no-such-compiler) was found")
        return
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "not compiled, so it is slower" in done.stderr
    torch.manual_seed(0)
    model = Classifier("lstm", 1, 4, 10, engine="equations")
    loss = model(torch.ones(2, 60, 1)).sum()
    loss.backward()
    wanted = [loss.item(), model.recurrent.hidden_weight.grad.sum().item()]
    assert [float(number) for number in done.stdout.split()] == pytest.approx(wanted, rel=1e-4)


def test_fused_has_nothing_missing():
    assert fused.missing(OWN, torch.zeros(1, 1, 1)) is None


def operations(x_part, h_part, state):
    """Every operation that the native engine knows, in a cell that means nothing."""
    h, c = state
    a, b, d = (x_part + h_part).chunk(3, dim=-1)
    e = torch.relu(a) + torch.expm1(-(a * a)) + torch.exp(-(b**2))
    f = 1 - torch.sigmoid(d) / (2 + torch.tanh(b) * h) + 0.5 * torch.reciprocal(3 + c * c) - torch.ones_like(h)
    both = torch.cat([e, f], dim=-1)
    first, second = both[:, : h.shape[-1]], both[:, h.shape[-1] :]
    return 0.5 * torch.tanh(first) + 0 * torch.zeros_like(h), 0.5 * torch.tanh(second) + 0.1 * c.detach()


@pytest.mark.parametrize(
    "step",
    [
        lambda x, h, state: ((x + h) / x.shape[1],),
        lambda x, h, state: (torch.tanh(x + h) - (x + h).mean(),),
        lambda x, h, state: (torch.tanh(x + h).view(-1, 1, x.shape[1])[:, :1].reshape(x.shape),),
        lambda x, h, state: (torch.cat([x[:, :2] + h[:, :2], x[:, 2:]], dim=1),),
        lambda x, h, state: (torch.cat([x[:1], (x + h)[1:]], dim=0),),
        lambda x, h, state: (torch.tanh(x + h) * torch.rand_like(x),),
    ],
    ids=["size", "mean", "view", "units", "sequences", "random"],
)
def test_a_step_that_is_not_pointwise_is_left_to_the_other_engines(step):
    cell = Cell(step, gates=("h",))
    why = native.missing(cell, torch.zeros(1, 1, 1))
    assert why is not None
    assert "no vector form" in why or "depends on the number" in why


def test_every_operation_of_the_native_engine_is_that_of_torch():
    cell = Cell(operations, gates=("a", "b", "d"), state=("h", "c"))
    assert native.missing(cell, torch.zeros(1, 1, 1)) is None
    for recompute in (False, True):
        assert_equal(*run_both("native", cell, (3, 4, 2, 21), 0, recompute=recompute))
