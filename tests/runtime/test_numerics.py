import pytest
import torch

from palingen.runtime.errors import PalingenError
from palingen.runtime.numerics import Execution, as_device, configure_numerics, current_execution, select_device


def product_of_a_subnormal_number() -> float:
    return (torch.tensor([1e-39]) * torch.tensor([0.5])).item()


def test_selecting_a_device_changes_no_numerics():
    assert select_device("cpu") == torch.device("cpu")
    assert product_of_a_subnormal_number() > 0


def test_configured_numerics_flush_subnormal_numbers_and_the_execution_says_so():
    cpu = torch.device("cpu")
    assert not current_execution("native", cpu).flush_denormal
    configure_numerics()
    assert product_of_a_subnormal_number() == 0
    expected = Execution("native", torch.get_num_threads(), flush_denormal=True, device="cpu", processes=2)
    assert current_execution("native", cpu, 2) == expected


def test_an_unavailable_device_is_refused_by_name():
    for select in (select_device, as_device):
        with pytest.raises(PalingenError, match="device 'abacus' is unavailable"):
            select("abacus")


def test_an_argument_may_be_a_device_its_name_or_nothing():
    assert as_device(None) == as_device("cpu") == as_device(torch.device("cpu")) == torch.device("cpu")
