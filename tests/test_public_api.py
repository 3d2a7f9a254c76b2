"""The public door: lazy, complete, typed, and the only one that documents and examples use."""

import ast
import json
import pydoc
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from support import ROOT

import palingen

SOURCES = sorted([*ROOT.glob("assignment/*.py"), *ROOT.glob("assignment/part?/*.py")])
NOTEBOOKS = sorted(ROOT.glob("assignment/*.ipynb"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def document_code() -> Iterator[tuple[str, str]]:
    """Name and Python code of every example, notebook and page."""
    for path in SOURCES:
        yield path.relative_to(ROOT).as_posix(), path.read_text()
    for path in NOTEBOOKS:
        cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
        yield path.relative_to(ROOT).as_posix(), "\n".join("".join(cell["source"]) for cell in cells)
    for path in PAGES:
        blocks = re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)
        yield path.relative_to(ROOT).as_posix(), "\n".join(blocks)


def imported_names(code: str) -> set[str]:
    """Dotted names that `code` imports from palingen, as in `palingen.cells`."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == "palingen"}


@pytest.mark.parametrize("name", palingen.__all__)
def test_every_public_name_resolves(name):
    assert getattr(palingen, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'load_generators'"):
        _ = palingen.load_generators


def test_import_palingen_imports_neither_torch_nor_numpy_nor_matplotlib():
    script = "import sys, palingen; print([name for name in ('torch', 'numpy', 'matplotlib') if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_dir_and_pydoc_list_every_public_name():
    assert set(palingen.__all__) <= set(dir(palingen))
    page = pydoc.plain(pydoc.render_doc(palingen))
    assert [name for name in palingen.__all__ if name not in page] == []


def test_type_checkers_see_every_public_name_where_it_is_imported_from_at_run_time():
    (block,) = [node for node in ast.parse((ROOT / "src/palingen/__init__.py").read_text()).body if is_typing(node)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    typed = {alias.asname or alias.name: f"{node.module}.{alias.name}" for node in imports for alias in node.names}
    (renamed,) = [node for node in block.body if isinstance(node, ast.Assign)]  # strict checkers hide renamed imports
    typed[renamed.targets[0].id] = typed.pop(renamed.value.id)
    homes = {name: f"palingen.{module}.{name}" for name, module in palingen._HOMES.items()}
    assert typed == homes | {name: f"palingen.{module}" for name, module in palingen._MODULES.items()}


def is_typing(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@pytest.mark.parametrize(("name", "code"), [pytest.param(*item, id=item[0]) for item in document_code()])
def test_examples_and_documents_import_only_public_names(name, code):
    public = {"palingen", *(f"palingen.{public}" for public in palingen.__all__)}
    assert imported_names(code) <= public


def test_the_check_of_imports_finds_private_ones():
    code = "import palingen.gan.train\nfrom palingen.recurrence import cells\nfrom palingen import cells as c"
    assert imported_names(code) == {"palingen.gan.train", "palingen.recurrence.cells", "palingen.cells"}
