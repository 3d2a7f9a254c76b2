"""Checks of an installation: each says what is wrong, and none ends the others."""

import re
import warnings
from importlib.metadata import PackageNotFoundError

import pytest
import torch

from palingen.workflows import doctor


@pytest.fixture(scope="module")
def checks():
    """Results of this installation, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch's compiler, which in tests would be an error
        return {check.name: check for check in doctor.examine()}


def test_everything_that_the_tests_need_is_there(checks):
    names = ("python", "palingen", "torch", "devices", "compiler", "GAN engines", "images", "cache", "extra dev")
    assert {name: checks[name].status for name in names} == dict.fromkeys(names, "ok")
    assert torch.__version__ in checks["torch"].detail
    assert re.search(
        r"on (cpu: native|cuda: manual) for recipe course, penalty-jvp(-native)? for recipe residual",
        checks["GAN engines"].detail,
    )
    assert "60,000 training and 10,000 test images" in checks["images"].detail


def test_the_engines_are_tried(checks):
    for engine in ("native", "compiled"):
        assert checks[f"palindrome engine {engine}"].status == "ok", checks[f"palindrome engine {engine}"]
        assert "equals the reference up to" in checks[f"palindrome engine {engine}"].detail


def test_whatever_is_not_well_comes_with_advice_and_fits_a_screen(checks):
    assert all(check.advice for check in checks.values() if check.status != "ok")
    assert len(checks) + sum(check.advice is not None for check in checks.values()) <= 24


def test_a_compiler_that_is_absent_is_named_with_what_to_do(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    compiler = doctor._check("compiler", doctor._compiler)
    assert (compiler.status, compiler.detail) == ("absent", "no C++ compiler found (no-such-compiler)")
    assert "CXX" in compiler.advice


def test_an_extra_names_the_packages_that_it_lacks_and_how_to_get_them(monkeypatch):
    def version(package):
        if package.startswith("onnx"):
            raise PackageNotFoundError(package)
        return "1.0"

    monkeypatch.setattr(doctor, "version", version)
    check = doctor._check("extra export", lambda: doctor._extra("export", "gan export"))
    assert (check.status, check.advice) == ("absent", "pip install 'palingen[export]'")
    assert check.detail == "for gan export; lacks onnx, onnxscript"


def test_a_broken_part_is_a_result_of_one_line():
    def fail():
        raise OSError("libtorch.so: cannot open\nshared object")

    check = doctor._check("torch", fail)
    assert (check.status, check.detail) == ("broken", "OSError: libtorch.so: cannot open")
    assert "install again" in check.advice


def test_a_cache_that_cannot_be_made_comes_with_the_variable_that_names_another(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PALINGEN_CACHE", str(tmp_path / "file" / "cache"))
    check = doctor._check("cache", doctor._cache)
    assert (check.status, check.advice) == ("broken", "name another folder in PALINGEN_CACHE")


def test_an_engine_that_differs_from_the_reference_is_broken(monkeypatch):
    monkeypatch.setattr(doctor, "TOLERANCE", -1.0)
    status, detail, advice = doctor._palindrome_engine("compiled", "cpu")
    assert status == "broken"
    assert "differs" in detail
    assert "--engine reference" in advice


def test_the_engine_for_gpus_is_tried_where_there_is_one(checks):
    engine = checks["palindrome engine triton"]
    if torch.cuda.is_available():
        assert engine.detail.startswith("works, and equals the reference up to"), engine
    else:
        assert (engine.status, engine.detail) == ("absent", "runs on NVIDIA GPUs, of which torch finds none")


def test_a_torch_that_is_not_supported_is_broken_though_it_can_be_imported(monkeypatch):
    monkeypatch.setattr(torch, "__version__", "2.11.0+cu130")
    status, detail, advice = doctor._torch()
    assert (status, advice) == ("broken", "pip install 'torch<2.15,>=2.13'")
    assert "2.11.0+cu130" in detail
    monkeypatch.setattr(torch, "__version__", "2.14.0.dev20261101+cpu")
    assert doctor._torch()[0] == "ok"


def test_a_python_that_is_not_tested_is_named(monkeypatch):
    monkeypatch.setattr(doctor, "MIN_PYTHON", (4, 0))
    assert doctor._python()[0] == "broken"


def test_a_processor_without_bfloat16_is_told_what_to_train_with(monkeypatch):
    monkeypatch.setattr(doctor, "processor_features", lambda: {"AVX2": True, "bfloat16": False})
    status, _, advice = doctor._processor()
    assert status == "absent"
    assert "--precision float32" in advice
