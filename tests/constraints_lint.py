"""Comparison of `constraints.txt` with the installed packages that the project's requirements lead to."""

import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

EXTRAS = ("dev", "docs", "notebook", "export", "cluster", "tensorboard", "wandb", "mlflow")

BENCH = "bench"
"""Extra with the peers of the benchmarks, which no test needs; it is checked as far as it is installed."""

TOOLS = {"pip", "setuptools", "wheel"}
"""Installers, which come with an environment; packages that need one of them at run time do not choose its version."""


def project_requirements(pyproject: str) -> list[Requirement]:
    """Requirements of the project with all of `EXTRAS`."""
    project = tomllib.loads(pyproject)["project"]
    extras = project["optional-dependencies"]
    assert {*extras} == {*EXTRAS, BENCH}
    return [
        Requirement(line) for line in (*project["dependencies"], *(line for extra in EXTRAS for line in extras[extra]))
    ]


def installed_versions(requirements: Iterable[Requirement]) -> dict[str, str]:
    """Installed version of each package that requirements lead to, directly or not; "" if it is missing."""
    pending, visited, versions = list(requirements), set(), dict[str, str]()
    while pending:
        requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        if (name, *sorted(requirement.extras)) in visited or name in TOOLS:
            continue
        visited.add((name, *sorted(requirement.extras)))
        try:
            package = distribution(name)
        except PackageNotFoundError:
            versions[name] = ""
            continue
        versions[name] = Version(package.version).public  # a build of torch is a local version
        for line in package.requires or ():
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in ("", *requirement.extras)):
                pending.append(needed)
    return versions


def pins(constraints: str) -> dict[str, str]:
    """Pinned version of each package."""
    lines = [line for line in constraints.splitlines() if line and not line.startswith("#")]
    pairs = [line.split("==") for line in lines]
    assert len({canonicalize_name(name) for name, _ in pairs}) == len(pairs)
    return {canonicalize_name(name): version for name, version in pairs}


def constraint_findings(constraints: str, versions: dict[str, str]) -> list[str]:
    """Packages that are not installed in the version of their pin, or have no pin."""
    pinned = pins(constraints)
    return [
        f"{name}: installed {version or 'nowhere'}, pinned {pinned.get(name, 'nowhere')}"
        for name, version in sorted(versions.items())
        if pinned.get(name) != version
    ]
