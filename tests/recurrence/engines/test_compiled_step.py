import dataclasses
import os
import subprocess
import sys

import pytest
import torch
from engine_cases import LEAKY, assert_equals_reference, random_case

from palingen.recurrence.cells import CELLS, Cell
from palingen.recurrence.engines.compiled_step import uses_only_sum
from palingen.recurrence.layers import SequenceClassifier


def test_cells_that_only_add_their_projections_are_recognised():
    assert [name for name in CELLS if uses_only_sum(CELLS[name])] == ["rnn", "lstm", "peephole"]


@pytest.mark.parametrize(
    "step",
    [
        LEAKY.step,
        lambda x_proj, h_proj, state: (torch.tanh(h_proj + h_proj),),
        lambda x_proj, h_proj, state: (torch.tanh(x_proj + h_proj) * x_proj,),
        lambda x_proj, h_proj, state: (torch.add(x_proj, h_proj, alpha=2),),
    ],
    ids=["difference", "one-twice", "also-alone", "weighted"],
)
def test_cells_that_use_a_projection_otherwise_are_recognised(step):
    assert not uses_only_sum(Cell(step, gates=("h",)))


def test_a_changed_step_is_compiled_again():
    slower = dataclasses.replace(LEAKY, step=lambda x, h, state: (0.9 * state[0] + 0.1 * torch.tanh(x + h),))
    for cell in (LEAKY, slower):
        assert_equals_reference("compiled", cell, random_case(cell))


PROGRAM = """
import sys, torch
from palingen import SequenceClassifier
torch.manual_seed(0)
model = SequenceClassifier("lstm", 1, 4, 10, engine=sys.argv[1])
loss = model(torch.ones(2, 60, 1)).sum()
loss.backward()
print(loss.item(), model.recurrent.weight_hh.grad.sum().item())
"""


def run_without_compiler(engine, folder):
    environment = {"CXX": "no-such-compiler", "PALINGEN_CACHE": str(folder), "TORCHINDUCTOR_CACHE_DIR": str(folder)}
    command = [sys.executable, "-c", PROGRAM, engine]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("engine", ["compiled", "auto"])
def test_without_a_compiler_there_is_a_warning_of_one_line_and_the_same_result(tmp_path, engine):
    process = run_without_compiler(engine, tmp_path)
    assert process.returncode == 0, process.stderr
    (warning,) = process.stderr.splitlines()
    assert "engine compiled: the step is not compiled, so it is slower" in warning
    torch.manual_seed(0)
    model = SequenceClassifier("lstm", 1, 4, 10, engine="reference")
    loss = model(torch.ones(2, 60, 1)).sum()
    loss.backward()
    expected = [loss.item(), model.recurrent.weight_hh.grad.sum().item()]
    assert [float(number) for number in process.stdout.split()] == pytest.approx(expected, rel=1e-4)


def test_without_a_compiler_the_native_engine_is_refused_with_the_reason(tmp_path):
    process = run_without_compiler("native", tmp_path)
    assert process.returncode == 1
    assert "engine='native': no C++ compiler found (no-such-compiler)" in process.stderr.splitlines()[-1]
