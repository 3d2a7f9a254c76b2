import pytest
import torch

from palingen.gan.steps.forward import is_bfloat16_emulated, losses_and_accuracies, select_logits

CPU = torch.device("cpu")


def test_the_logit_of_an_image_is_that_of_its_class():
    logits = torch.arange(12.0).view(4, 3)
    labels = torch.tensor([2, 0])  # of two real images, and again of two generated ones
    assert select_logits(logits, labels).tolist() == [2, 3, 8, 9]
    assert select_logits(logits[:, 0], None).tolist() == [0, 3, 6, 9]


def test_bfloat16_logits_become_float32_and_float64_logits_stay():
    for dtype, expected in ((torch.bfloat16, torch.float32), (torch.float64, torch.float64)):
        assert select_logits(torch.zeros(2, dtype=dtype), None).dtype is expected


def test_accuracies_count_logits_on_the_right_side_of_zero(make_setup):
    logits = torch.tensor([1.0, 2.0, -1.0, 0.0, -1.0, -2.0, 3.0, 0.0])
    metrics = losses_and_accuracies(make_setup(), logits)
    assert (metrics.real_accuracy, metrics.fake_accuracy) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("precision", "device", "arithmetic", "emulated"),
    [
        ("bfloat16", "cpu", False, True),
        ("bfloat16", "cpu", True, False),
        ("bfloat16", "cuda", False, False),
        ("float32", "cpu", False, False),
    ],
)
def test_bfloat16_is_emulated_on_a_cpu_without_its_arithmetic(monkeypatch, precision, device, arithmetic, emulated):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: arithmetic)
    assert is_bfloat16_emulated(precision, torch.device(device)) is emulated


def test_without_onednn_bfloat16_is_not_emulated(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    monkeypatch.setattr(torch.ops, "mkldnn", None)
    assert not is_bfloat16_emulated("bfloat16", CPU)
