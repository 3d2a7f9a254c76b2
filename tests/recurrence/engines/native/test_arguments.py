import re
from pathlib import Path

import numpy as np
import pytest
import torch

from palingen.recurrence.engines.native import arguments
from palingen.recurrence.engines.native.arguments import GradientArgs, SequenceArgs

HEADER = Path(arguments.__file__).with_suffix(".h").read_text()


def struct_fields(name):
    """Fields of a C++ structure, in order: (name, is a pointer, has MAX_STATES entries)."""
    (body,) = re.findall(rf"struct {name} {{(.*?)}};", re.sub("//.*", "", HEADER), flags=re.DOTALL)
    return [
        (declarator.strip("* ").removesuffix("[MAX_STATES]"), "*" in declarator, "[MAX_STATES]" in declarator)
        for declaration in body.replace("const ", "").split(";")
        for declarator in re.sub(r"^\s*(long|float)", "", declaration).split(",")
        if declarator.strip()
    ]


@pytest.mark.parametrize("structure", [SequenceArgs, GradientArgs])
def test_the_structures_have_the_fields_of_the_cpp_ones_in_order(structure):
    kinds = {int: "number", arguments.Pointers: "numbers"}
    fields = [(name, kinds[kind]) for name, kind in structure.__annotations__.items()]
    expected = struct_fields(structure.__name__)
    assert fields == [(name, "numbers" if is_array else "number") for name, _, is_array in expected]


def test_structures_become_numbers_of_64_bits_one_after_the_other():
    runs = [SequenceArgs(*[(n, n + 1) if n % 2 else n for n in range(len(SequenceArgs._fields))])] * 2
    numbers = [*np.frombuffer(arguments.to_bytes(runs), np.int64)]
    of_one_run = [number for n in range(len(SequenceArgs._fields)) for number in ([n, n + 1] if n % 2 else [n])]
    assert numbers == of_one_run * 2


def test_the_second_direction_begins_at_the_last_step_of_its_features():
    tensor = torch.arange(24.0).view(4, 2, 3)
    start = tensor.data_ptr()
    assert arguments.steps_of(tensor, 0, 2) == (start, 6, 3, 1)
    assert arguments.steps_of(tensor, 1) == (start + 4 * 18, -6, 3, 1)
    assert arguments.steps_of(tensor[..., :2].expand(4, 2, 2), 1, 1) == (start + 4 * 19, -6, 3, 1)


def test_the_limits_are_those_of_the_cpp_code():
    assert f"MAX_THREADS = {arguments.MAX_THREADS}, MAX_STATES = {arguments.MAX_STATES}," in HEADER


@pytest.mark.parametrize(("H", "I", "HP", "KP"), [(1, 1, 16, 32), (16, 15, 16, 32), (17, 15, 32, 48), (16, 16, 16, 48)])
def test_rows_are_padded_to_whole_vectors(H, I, HP, KP):
    assert arguments.run_sizes(torch.zeros(3, 2, I), H, vector_size=16) == (3, 2, H, I, HP, KP)
