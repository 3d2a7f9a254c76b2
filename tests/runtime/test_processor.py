import platform

import pytest
import torch

from palingen.runtime import processor
from palingen.runtime.processor import features_text, processor_features

XEON = "processor\t: 0\nmodel name\t: Intel(R) Xeon(R)\nflags\t\t: fpu avx2 avx512f avx512_bf16 amx_bf16 amx_tile\n"
OLD = "model name\t: Intel(R) Core(TM) i5\nflags\t\t: fpu sse2 avx\n"
GRAVITON = "processor\t: 0\nFeatures\t: fp asimd sve bf16\n"
APPLE = "hw.optional.neon: 1\nhw.optional.arm.FEAT_BF16: 1\nhw.optional.avx2_0: 0\n"


@pytest.mark.parametrize(
    ("cpuinfo", "sysctl", "machine", "text"),
    [
        (XEON, "", "x86_64", "AVX2, AVX-512, bfloat16, AMX"),
        (OLD, "", "x86_64", "no AVX2, no AVX-512, no bfloat16, no AMX"),
        (GRAVITON, "", "aarch64", "NEON, SVE, bfloat16"),
        ("", APPLE, "arm64", "NEON, bfloat16; no SVE"),
        ("", "", "x86_64", "features unknown"),
    ],
)
def test_the_features_are_those_of_the_architecture(cpuinfo, sysctl, machine, text, monkeypatch):
    monkeypatch.setattr(processor, "_read_cpuinfo", lambda: cpuinfo)
    monkeypatch.setattr(processor, "_sysctl", lambda *arguments: sysctl)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert features_text() == text


def test_the_name_is_that_of_the_processor_or_its_architecture(monkeypatch):
    monkeypatch.setattr(processor, "_sysctl", lambda *arguments: "")
    monkeypatch.setattr(processor, "_read_cpuinfo", lambda: XEON)
    assert processor.processor_name() == "Intel(R) Xeon(R)"
    monkeypatch.setattr(processor, "_read_cpuinfo", lambda: GRAVITON)
    assert processor.processor_name() == platform.machine()


@pytest.mark.skipif(not processor_features(), reason="this system does not tell")
def test_torch_uses_no_arithmetic_that_the_processor_lacks():
    capability = torch.backends.cpu.get_cpu_capability()
    features = processor_features()
    assert features.get("AVX-512", True) or "AVX512" not in capability
    assert features.get("AVX2", True) or "AVX2" not in capability


def test_only_a_processor_that_names_it_has_avx512_bf16(monkeypatch):
    for cpuinfo, expected in ((XEON, True), (OLD, False), (GRAVITON, False), ("", False)):
        monkeypatch.setattr(processor, "_read_cpuinfo", lambda text=cpuinfo: text)
        assert processor.has_avx512_bf16() == expected
