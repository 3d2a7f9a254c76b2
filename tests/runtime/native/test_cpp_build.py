import ctypes

import pytest

from palingen.runtime.native import cpp_build
from palingen.runtime.native.cpp_build import NoCompilerError, load_library


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A C++ file, and an empty cache."""
    monkeypatch.setenv("PALINGEN_CACHE", str(tmp_path / "cache"))
    load_library.cache_clear()
    path = tmp_path / "answer.cpp"
    path.write_text('#include "step.h"\nextern "C" long answer() { return ANSWER; }\n')
    yield path
    load_library.cache_clear()


def answer(source, header):
    library = load_library(source, header)
    library.answer.restype = ctypes.c_long
    return library.answer()


def test_a_library_is_compiled_once_and_then_loaded_from_the_cache(source, tmp_path, monkeypatch, capfd):
    assert answer(source, "constexpr long ANSWER = 42;") == 42
    assert "compiling answer.cpp for this CPU, once" in capfd.readouterr().err
    assert len(list((tmp_path / "cache").iterdir())) == 1
    load_library.cache_clear()
    monkeypatch.setattr(cpp_build, "_build", None)  # would fail
    assert answer(source, "constexpr long ANSWER = 42;") == 42
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("changed", ["source", "generated header", "fixed header"])
def test_a_change_of_any_file_compiles_another_library(source, changed):
    source.write_text(source.read_text() + '#include "fixed.h"\n')
    (source.parent / "fixed.h").write_text("")
    assert answer(source, "constexpr long ANSWER = 1;") == 1
    header, replacement = "constexpr long ANSWER = 1;", 'extern "C" long other() { return 7; }\n'
    if changed == "source":
        source.write_text(source.read_text() + replacement)
    elif changed == "generated header":
        header += replacement
    else:
        (source.parent / "fixed.h").write_text(replacement)
    load_library.cache_clear()
    assert load_library(source, header).other() == 7


def test_code_that_does_not_compile_is_an_error_of_one_line(source):
    with pytest.raises(NoCompilerError, match=r"cannot compile answer\.cpp: .*error") as error:
        load_library(source, "")
    assert len(str(error.value).splitlines()) == 1


def test_a_compiler_that_does_not_exist_is_named(source, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler -v")
    with pytest.raises(NoCompilerError, match=r"^no C\+\+ compiler found \(no-such-compiler -v\)$"):
        load_library(source, "")
