import ctypes
import re
from pathlib import Path

import pytest

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
    fields = []
    for name, kind in structure._fields_:
        is_array = hasattr(kind, "_length_")
        element = kind._type_ if is_array else kind
        assert not is_array or kind._length_ == arguments.MAX_STATES
        fields.append((name, element is ctypes.c_void_p, is_array))
    assert fields == struct_fields(structure.__name__)


def test_the_limits_are_those_of_the_cpp_code():
    assert f"MAX_THREADS = {arguments.MAX_THREADS}, MAX_STATES = {arguments.MAX_STATES};" in HEADER


@pytest.mark.parametrize(("H", "I", "HP", "KP"), [(1, 1, 16, 32), (16, 15, 16, 32), (17, 15, 32, 48), (16, 16, 16, 48)])
def test_rows_are_padded_to_whole_vectors(H, I, HP, KP):
    import torch

    assert arguments.run_sizes(torch.zeros(2, 3, I), H, vector_size=16) == (3, 2, H, I, HP, KP)
