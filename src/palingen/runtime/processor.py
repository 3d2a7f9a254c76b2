"""Processor: its name, and the arithmetic that decides how fast a network trains. Reads without torch."""

import platform
import re
import subprocess
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")

FEATURES = {
    "AVX2": ("avx2", "avx2_0"),
    "AVX-512": ("avx512f",),
    "NEON": ("asimd", "neon"),
    "SVE": ("sve",),
    "bfloat16": ("avx512_bf16", "amx_bf16", "bf16", "arm.FEAT_BF16"),
    "AMX": ("amx_tile",),
}
"""Flags of each feature, as Linux and macOS name them; one of them is enough."""

OF_OTHERS = {"x86": ("NEON", "SVE"), "arm": ("AVX2", "AVX-512", "AMX")}
"""Features that an architecture cannot have, which are no lack."""


def processor_name() -> str:
    """Name of the processor, or of its architecture if the system does not tell."""
    name = re.search(r"^model name\s*:\s*(.+)$", _read_cpuinfo(), re.MULTILINE)
    return name[1].strip() if name else _sysctl("-n", "machdep.cpu.brand_string") or platform.machine()


def processor_features() -> dict[str, bool] | None:
    """Whether the processor has each feature of its architecture; None if the system does not tell."""
    flags = _flags(_read_cpuinfo(), _sysctl("hw.optional"))
    if not flags:
        return None
    others = OF_OTHERS["arm" if platform.machine().lower().startswith(("arm", "aarch")) else "x86"]
    return {name: not flags.isdisjoint(names) for name, names in FEATURES.items() if name not in others}


def has_avx512_bf16() -> bool:
    """Whether the processor multiplies pairs of bfloat16 numbers in vectors of 512 bits."""
    return "avx512_bf16" in _flags(_read_cpuinfo(), "")


def features_text() -> str:
    """Features in one line, as in `AVX2, AVX-512; no bfloat16, no AMX`."""
    features = processor_features()
    if features is None:
        return "features unknown"
    present = ", ".join(name for name, available in features.items() if available)
    absent = ", ".join(f"no {name}" for name, available in features.items() if not available)
    return "; ".join(filter(None, (present, absent)))


def _flags(cpuinfo: str, sysctl: str) -> set[str]:
    """Flags in the text of /proc/cpuinfo (of the first core), or of macOS's `sysctl hw.optional`."""
    linux = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return set(linux[1].split() if linux else re.findall(r"^hw\.optional\.(\S+): 1$", sysctl, re.MULTILINE))


def _read_cpuinfo() -> str:
    try:
        return CPUINFO.read_text()
    except OSError:
        return ""


def _sysctl(*arguments: str) -> str:
    if platform.system() != "Darwin":
        return ""
    try:
        return subprocess.run(["sysctl", *arguments], capture_output=True, text=True, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
