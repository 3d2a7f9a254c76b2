"""Dependencies are pinned, all of them, and no code reads a pickle."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest
from constraints_lint import constraint_findings, installed_versions, pins, project_requirements
from packaging.requirements import Requirement
from support import ROOT

CONSTRAINTS = (ROOT / "constraints.txt").read_text()

PYPROJECT = (ROOT / "pyproject.toml").read_text()

PEERS = {"jax", "jaxlib", "opt-einsum", "optax"}
"""Packages of the extra `bench`, and those that only they need."""


@pytest.fixture(scope="module")
def versions():
    """Installed version of every package that the project's requirements lead to."""
    return installed_versions(project_requirements(PYPROJECT))


def test_every_direct_and_indirect_dependency_is_installed_in_its_pinned_version(versions):
    assert len(versions) > 100
    assert {"torch", "dask", "markupsafe", "webencodings", "aiosignal"} <= {*versions}
    assert constraint_findings(CONSTRAINTS, versions) == []


def test_every_pin_is_of_a_package_that_the_project_needs(versions):
    only_elsewhere = {"tzdata", *PEERS}  # packages that another Python, another system or the benchmarks need
    assert {*pins(CONSTRAINTS)} - {*versions} - only_elsewhere == set()


def test_the_peers_of_the_benchmarks_are_pinned_and_installed_in_these_versions_if_at_all():
    peers = [Requirement(line) for line in tomllib.loads(PYPROJECT)["project"]["optional-dependencies"]["bench"]]
    assert {peer.name for peer in peers} <= PEERS <= {*pins(CONSTRAINTS)}
    installed = {name: version for name, version in installed_versions(peers).items() if version}
    assert constraint_findings(CONSTRAINTS, installed) == []


@pytest.mark.parametrize("name", ["torch", "MarkupSafe", "ast_serialize"])
def test_a_missing_or_another_pin_is_found(versions, name):
    line = re.search(rf"^{name}==.*\n", CONSTRAINTS, re.MULTILINE)[0]
    (missing,) = constraint_findings(CONSTRAINTS.replace(line, ""), versions)
    (other,) = constraint_findings(CONSTRAINTS.replace(line, f"{name}==0.0.1\n"), versions)
    assert missing.endswith("pinned nowhere")
    assert other.endswith("pinned 0.0.1")


def test_a_package_that_is_not_installed_is_found(versions):
    (finding,) = constraint_findings(CONSTRAINTS, {**versions, "torch": ""})
    assert finding.startswith("torch: installed nowhere, pinned ")


SAMPLES = {
    "import pickle": "TID251",
    "from pickle import loads": "TID251",
    "import cloudpickle": "TID251",
    "import dill": "TID251",
    "import marshal": "TID251",
    "import shelve": "TID251",
    "import joblib\njoblib.load('file')": "TID251",
    "from joblib import dump": "TID251",
    "import torch\ntorch.jit.load('file')": "TID251",
    "import torch\ntorch.hub.load('a', 'b')": "TID251",
    "import yaml\nyaml.load('text')": "S506",
    "eval('1')": "S307",
    "exec('1')": "S102",
}


def ruff(code, path="src/palingen/sample.py"):
    """Rules that a file of the package with this code breaks."""
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--output-format=concise",
        "--no-cache",
        f"--stdin-filename={path}",
    ]
    process = subprocess.run([*command, "-"], cwd=ROOT, input=code + "\n", capture_output=True, text=True, check=False)
    assert process.returncode in (0, 1), process.stderr
    return set(re.findall(r"^\S+:\d+:\d+: (\w+)", process.stdout, re.MULTILINE))


@pytest.mark.parametrize("code", SAMPLES)
def test_a_rule_refuses_what_could_run_code_when_it_is_read(code):
    assert SAMPLES[code] in ruff(f'"""Sample."""\n\n{code}')


def test_tests_may_not_read_pickles_either_and_what_is_safe_is_allowed():
    assert "TID251" in ruff("import pickle", "tests/test_sample.py")
    safe = "import torch\nfrom joblib import Parallel\n\nprint(torch.load('file', weights_only=True), Parallel)"
    assert ruff(f'"""Sample."""\n\n{safe}') & {*SAMPLES.values()} == set()


def unsafe_reads(text):
    """Calls with `allow_pickle` other than False, and of `torch.load` without `weights_only=True`, by line."""
    for node in [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]:
        values = {keyword.arg: getattr(keyword.value, "value", None) for keyword in node.keywords}
        is_load = ast.unparse(node.func) == "torch.load"
        if values.get("allow_pickle", False) is not False or (is_load and values.get("weights_only") is not True):
            yield node.lineno


def test_no_array_is_read_with_pickles_and_no_checkpoint_but_for_its_weights():
    paths = [
        path
        for folder in ("src", "scripts", "benchmarks", "assignment", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    assert len(paths) > 200
    assert {path.name: lines for path in paths if (lines := list(unsafe_reads(path.read_text())))} == {}


@pytest.mark.parametrize(
    "call",
    [
        "np.load(f, allow_pickle=True)",
        "np.load(f, allow_pickle=flag)",
        "torch.load(f)",
        "torch.load(f, weights_only=flag)",
    ],
)
def test_an_unsafe_read_is_found(call):
    assert list(unsafe_reads(call)) == [1]
    assert list(unsafe_reads("np.load(f); np.load(f, allow_pickle=False); torch.load(f, weights_only=True)")) == []


def test_the_security_policy_is_ten_lines_and_is_linked():
    assert len((ROOT / "SECURITY.md").read_text().splitlines()) <= 10
    for name in ("README.md", "CONTRIBUTING.md"):
        assert "(SECURITY.md)" in (ROOT / name).read_text()
