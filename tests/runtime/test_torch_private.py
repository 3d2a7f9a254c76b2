"""Private operations of torch: each named in one module, with a fallback that gives equal results without it."""

import ast
import re
import tomllib

import pytest
import torch
from engine_cases import assert_equals_reference, random_case
from packaging.requirements import Requirement
from packaging.version import Version
from support import ROOT
from torch.nn.functional import linear

import palingen.nn
from palingen.gan.objectives.ema import EMA
from palingen.gan.steps.manual import fast_linear
from palingen.recurrence.cells import Cell
from palingen.runtime import torch_private

SOURCE = ROOT / "src" / "palingen"
MODULE = SOURCE / "runtime" / "torch_private.py"


STANDARD_LIBRARY = {"_asdict", "_fields", "_fields_", "_replace"}
"""Names of named tuples and of ctypes that are public in spite of their underscore."""


@pytest.fixture(autouse=True)
def _restore_cache():
    yield
    torch_private.onednn_linear.cache_clear()


def private_names(text, defined=frozenset()):
    """Private names that a module takes from another package: imports, attributes and names in strings."""
    names_found, nodes = set(), list(ast.walk(ast.parse(text)))
    formatted = {part for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        match node:
            case ast.ImportFrom(module=str(module), names=names) if not module.startswith("palingen"):
                parts = {*module.split("."), *(alias.name for alias in names)}
            case ast.Import(names=names):
                parts = {part for alias in names for part in alias.name.split(".")}
            case ast.Attribute(attr=name):
                parts = {name}
            case ast.Constant(value=str(value)) if node not in formatted and re.fullmatch(r"[\w.]+", value):
                parts = {*value.split(".")}
            case _:
                parts = set()
        names_found |= {part for part in parts if re.match(r"_(?!_)\w", part)}
    return names_found - defined - STANDARD_LIBRARY - {"_reverse"}  # an ending of public names


def defined_names(texts):
    """Private functions, classes and attributes that the package itself defines."""
    nodes = [node for text in texts for node in ast.walk(ast.parse(text))]
    names = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    stores = {node for node in nodes if isinstance(getattr(node, "ctx", None), ast.Store)}
    return names | {getattr(node, "id", None) or getattr(node, "attr", None) for node in stores}


def test_no_other_module_takes_a_private_name_from_torch():
    texts = {path.relative_to(SOURCE).as_posix(): path.read_text() for path in SOURCE.rglob("*.py")}
    defined = defined_names(texts.values())
    foreign = {name: private_names(text, defined) for name, text in texts.items() if text}
    assert foreign.pop("runtime/torch_private.py") == {
        "_linear_pointwise", "_is_mkldnn_bf16_supported", "_foreach_lerp_", "_inductor",
        "_higher_order_ops", "_current_level", "_forward_hooks", "_forward_pre_hooks",
        "_backward_hooks", "_backward_pre_hooks", "_post_accumulate_grad_hooks",
    }  # fmt: skip
    assert {name: names for name, names in foreign.items() if names} == {}


@pytest.mark.parametrize(
    "line",
    [
        "from torch._inductor import compile",
        "from torch.nn.modules.batchnorm import _BatchNorm",
        "import torch._dynamo",
        "torch.ops.mkldnn._linear_pointwise(rows)",
        "onednn._linear_pointwise(rows)",
        "tensor._version",
        "getattr(torch, '_foreach_lerp_')",
        "importlib.import_module('torch._functorch')",
    ],
)
def test_every_kind_of_private_name_is_noticed(line):
    assert len(private_names(line)) == 1
    assert private_names("torch.lerp(a, b, 0.5).__class__") == set()


def test_every_private_name_is_explained_in_the_head_of_the_module():
    text = MODULE.read_text()
    head = ast.get_docstring(ast.parse(text))
    assert [name for name in private_names(text) if name not in head] == []


def test_this_torch_has_all_of_them():
    assert torch_private.onednn_linear() is not None
    assert torch.ops.mkldnn._is_mkldnn_bf16_supported() is torch_private.has_bfloat16()
    assert callable(torch._foreach_lerp_)
    from torch._inductor import compile as inductor

    assert callable(inductor)


def test_without_the_linear_layer_of_onednn_the_public_one_gives_the_same(monkeypatch):
    rows, weight, bias = torch.randn(8, 20), torch.randn(30, 20), torch.randn(30)
    expected = fast_linear(rows, weight, bias), fast_linear(rows, weight)
    monkeypatch.setattr(torch.ops, "mkldnn", type("Empty", (), {})())
    torch_private.onednn_linear.cache_clear()
    assert torch_private.onednn_linear() is None
    assert not hasattr(torch.ops.mkldnn, "_linear_pointwise")
    for actual, before in zip((fast_linear(rows, weight, bias), fast_linear(rows, weight)), expected, strict=True):
        torch.testing.assert_close(actual, before)


@pytest.mark.parametrize(
    "changed",
    [
        lambda rows, weight, bias: linear(rows, weight, bias),
        lambda rows, weight, bias, *options: linear(rows, weight, bias).relu().neg(),
        lambda rows, weight, bias, *options: linear(rows, weight),
    ],
    ids=["other arguments", "other result", "no bias"],
)
def test_a_changed_linear_layer_of_onednn_is_not_used(monkeypatch, changed):
    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", changed)
    torch_private.onednn_linear.cache_clear()
    assert torch_private.onednn_linear() is None


def test_the_linear_layer_of_onednn_is_found_in_any_context():
    with torch.autocast("cpu", torch.bfloat16), torch.device("meta"):
        torch_private.onednn_linear.cache_clear()
        assert torch_private.onednn_linear() is not None


def test_where_torch_does_not_say_bfloat16_counts_as_supported(monkeypatch):
    monkeypatch.setattr(torch.ops, "mkldnn", type("Empty", (), {})())
    assert torch_private.has_bfloat16()


def test_without_the_fused_moving_average_the_weights_are_the_same_to_the_bit(monkeypatch):
    def average():
        torch.manual_seed(0)
        networks = [torch.nn.Linear(30, 40) for _ in range(3)]
        ema = EMA(networks[0], half_life=3)
        for step, network in enumerate(networks[1:], 1):
            ema.update(network, step)
        return ema.network

    fused = average()
    monkeypatch.delattr(torch, "_foreach_lerp_")
    assert not hasattr(torch, "_foreach_lerp_")
    for expected, actual in zip(fused.parameters(), average().parameters(), strict=True):
        assert torch.equal(actual, expected)


def test_without_inductors_entry_the_step_runs_uncompiled_with_one_warning_and_the_same_result(monkeypatch, capsys):
    monkeypatch.delattr("torch._inductor.compile")
    cell = Cell(lambda x, h, state: (torch.tanh(x + 0.5 * h),), gates=("h",))
    assert_equals_reference("compiled", cell, random_case(cell))
    (warning,) = capsys.readouterr().err.splitlines()
    assert "the step is not compiled, so it is slower (cannot import name 'compile'" in warning


def test_the_running_torch_is_one_that_was_tested_and_the_pin_is_the_oldest():
    requirements = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (torch_range,) = [Requirement(line).specifier for line in requirements if Requirement(line).name == "torch"]
    pin = re.search(r"^torch==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)[1]
    assert Version(torch.__version__).public in torch_range
    bounds = {bound.operator: bound.version for bound in torch_range}
    assert bounds[">="] == ".".join(pin.split(".")[:2])
    assert set(bounds) == {">=", "<"}
    assert pin in torch_range


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch's own call
def test_forward_gradients_are_noticed_and_the_native_engine_does_not_drop_them():
    layer = palingen.nn.LSTM(2, 3)
    inputs = torch.ones(1, 1, 2)
    assert not torch_private.forward_gradients_enabled()
    with torch.no_grad(), torch.autograd.forward_ad.dual_level():
        assert torch_private.forward_gradients_enabled()
        with pytest.raises(RuntimeError, match="jvp"):
            layer(torch.autograd.forward_ad.make_dual(inputs, inputs))


def test_hooks_are_seen_and_a_torch_that_does_not_say_has_none(monkeypatch):
    network = torch.nn.Sequential(torch.nn.Linear(1, 1))
    layer, hook = network[0], lambda *_: None
    assert not torch_private.has_hooks(network)
    for register in (
        *(layer.register_forward_hook, layer.register_forward_pre_hook, layer.register_full_backward_hook),
        *(layer.register_full_backward_pre_hook, layer.weight.register_hook),
        layer.weight.register_post_accumulate_grad_hook,
    ):
        handle = register(hook)
        assert torch_private.has_hooks(network), register
        handle.remove()
        assert not torch_private.has_hooks(network), register
    layer.register_forward_hook(hook)
    monkeypatch.setattr(torch_private, "HOOKS", ("_gone",))
    assert not torch_private.has_hooks(network)
