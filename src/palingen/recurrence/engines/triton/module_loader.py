"""Import of generated Triton code. Triton reads the source of its kernels, so the code has to be a file."""

import hashlib
import importlib.util
from functools import cache
from types import ModuleType

from palingen.runtime.atomic_io import write_atomically
from palingen.runtime.paths import cache_folder


@cache
def load_module(code: str) -> ModuleType:
    """Module of generated code, from a file of its own in the cache."""
    name = f"triton_{hashlib.sha256(code.encode()).hexdigest()[:16]}"
    path = cache_folder() / f"{name}.py"
    if not path.exists() or path.read_text() != code:
        write_atomically(path, code.encode())
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
