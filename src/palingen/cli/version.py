"""`palingen --version`: versions and processor features, without importing torch."""

import platform
from importlib.metadata import PackageNotFoundError, version

from palingen.runtime.processor import features_text


def version_text() -> str:
    """Version of the package in the first line, then those of Python and torch, and the processor's features."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "missing"
    return (
        f"palingen {version('palingen')}\n"
        f"Python {platform.python_version()}, torch {torch}, {platform.system()} {platform.machine()}\n"
        f"processor: {features_text()}"
    )
