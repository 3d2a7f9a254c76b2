"""The engine on an emulator of Triton, everywhere, and on the GPU where there is one."""

import pytest
import torch
from engine_cases import ALL_CELLS, LEAKY, SINE, SMALL, Case, Shape, assert_equals_reference, random_case
from triton_emulator import emulated_kernels

from palingen.recurrence import engines
from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.engines import resolve_engine, run_engine, triton
from palingen.recurrence.engines.triton import passes
from palingen.recurrence.engines.triton.codegen import group_size
from palingen.recurrence.engines.triton.launch import LaunchPlan
from palingen.recurrence.unroll import CellWeights

requires_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")


@pytest.fixture
def emulate(monkeypatch):
    """Let the engine run on CPUs, by an emulator with the given number of multiprocessors."""

    def emulate(multiprocessors):
        def plan(cell, B, H, device):
            return LaunchPlan(B, H, group_size(cell), multiprocessors)

        monkeypatch.setattr(passes, "launch_plan", plan)
        monkeypatch.setattr(passes, "kernels", emulated_kernels)
        engine = engines.Engine(triton.run, lambda cell, inputs, hidden_size: None)
        monkeypatch.setitem(engines.ENGINES, "triton", engine)

    return emulate


def assert_equal(cell, case, **options):
    assert_equals_reference("triton", cell, case, dtype=torch.float32, **options)


@pytest.mark.parametrize("name", ALL_CELLS)
def test_outputs_and_gradients_equal_those_of_the_reference(emulate, name):
    emulate(multiprocessors=4)
    cell = ALL_CELLS[name]
    for state, only_final in ((False, False), (True, True)):
        assert_equal(cell, random_case(cell, state=state), only_final=only_final)


@pytest.mark.parametrize("name", ["peephole", "gru"])
def test_programs_exchange_hidden_units_and_several_launches_share_the_sequences(emulate, name):
    emulate(multiprocessors=5)
    cell, shape = ALL_CELLS[name], Shape(B=37, T=2, I=2, H=100)
    plan = LaunchPlan(shape.B, shape.H, 4, 5)
    assert plan.parts > 1
    assert len(plan.tile_groups()) > 1
    assert_equal(cell, random_case(cell, shape))


def test_states_are_reset_and_chunks_recomputed(emulate):
    emulate(multiprocessors=8)
    case = random_case(LEAKY)
    reset_mask = torch.zeros(case.inputs.shape[:2], dtype=torch.bool)
    reset_mask[0, 3] = reset_mask[1, 0] = reset_mask[2, 6] = True
    for recompute in (False, True):
        assert_equal(LEAKY, case, reset_mask=reset_mask, recompute=recompute)


def test_second_derivatives_and_a_second_backward_pass_are_those_of_the_reference(emulate):
    emulate(multiprocessors=8)
    case = random_case(CELLS["lstm"], Shape(B=2, T=3, I=2, H=4))
    results = []
    for name in ("reference", "triton"):
        output = run_engine(name, CELLS["lstm"], case.weights, case.inputs, case.state)
        loss = output.states[0].square().sum()
        (gradient,) = torch.autograd.grad(loss, case.inputs, create_graph=True)
        second = torch.autograd.grad(gradient.square().sum(), case.weights.weight_hh, retain_graph=True)
        results.append([*second, *torch.autograd.grad(loss, case.leaves, retain_graph=True)])
        results[-1] += torch.autograd.grad(loss, case.leaves)
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-4)  # float32, sums of sums


def test_it_runs_without_gradients(emulate):
    emulate(multiprocessors=4)
    cell, case = CELLS["gru"], random_case(CELLS["gru"])
    with torch.no_grad():
        states = [run_engine(name, cell, case.weights, case.inputs).states[0] for name in ("reference", "triton")]
    torch.testing.assert_close(*states, rtol=1e-5, atol=1e-5)


def test_other_devices_and_dtypes_are_refused_with_the_reason():
    with pytest.raises(engines.ConfigError, match=r"engine='triton': computes in float32 on CUDA, not in torch\.float"):
        resolve_engine("triton", CELLS["lstm"], torch.zeros(1, 1, 1))


def on_gpu(case):
    """Leaves of the same values on the GPU."""

    def copy(tensor):
        return tensor.detach().cuda().requires_grad_()

    weights = CellWeights(*map(copy, case.weights[:3]), tuple(map(copy, case.weights.extra)))
    return Case(copy(case.inputs), case.state and tuple(map(copy, case.state)), weights)


@requires_cuda
@pytest.mark.parametrize("name", ALL_CELLS)
@pytest.mark.parametrize("shape", [SMALL, Shape(B=1, T=1, I=1, H=1), Shape(B=130, T=5, I=3, H=130)])
def test_the_gpu_equals_the_reference(name, shape):
    cell, case = ALL_CELLS[name], on_gpu(random_case(ALL_CELLS[name], shape))
    for recompute in (False, True):
        assert_equal(cell, case, recompute=recompute)


@requires_cuda
def test_auto_takes_it_on_the_gpu_unless_the_cell_or_the_number_of_hidden_units_is_not_supported():
    inputs = torch.zeros(1, 1, 1, device="cuda")
    assert resolve_engine("auto", CELLS["lstm"], inputs, 128) == "triton"
    assert resolve_engine("auto", CELLS["lstm"], inputs, 100_000) == "reference"
    assert resolve_engine("auto", SINE, inputs, 128) == "reference"
    many = Cell(LEAKY.step, gates=tuple("abcdefghi"))
    assert "more than 8" in triton.unsupported_reason(many, inputs)
