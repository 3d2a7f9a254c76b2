import math
from dataclasses import replace

import pytest
import torch

from palingen import recipes
from palingen.recurrence.cells import CELLS
from palingen.recurrence.config import PalindromeConfig, build_data, build_network
from palingen.runtime.errors import ConfigError


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("length", 1),
        ("length", 5.0),
        ("train_fraction", 1.0),
        ("train_fraction", 0.0),
        ("num_samples", 1),
        ("hidden_size", 0),
        ("batch_size", 0),
        ("epochs", 0),
        ("epochs", True),
        ("learning_rate", -1.0),
        ("learning_rate", math.nan),
        ("rmsprop_alpha", 1.0),
        ("adam_beta2", -0.1),
        ("max_grad_norm", 0.0),
        ("lr_step_epochs", 0),
        ("lr_step_factor", 0.0),
        ("warmup_epochs", -1),
        ("lr_length_exponent", -0.5),
        ("curriculum_start", 1),
        ("curriculum_growth", 1.0),
        ("curriculum_threshold", 0.0),
        ("early_stop_accuracy", 1.1),
        ("seed", -1),
    ],
)
def test_an_invalid_value_is_refused_in_one_line_with_field_and_value(field, value):
    with pytest.raises(ConfigError, match=f"^{field}=") as error:
        PalindromeConfig(**{field: value})
    message = str(error.value)
    assert message.startswith(f"{field}={value!r}: ")
    assert "\n" not in message


@pytest.mark.parametrize(("field", "value"), [("cell", "lstn"), ("optimizer", "adma"), ("lr_schedule", "cosin")])
def test_an_unknown_choice_is_refused_with_the_closest_one(field, value):
    with pytest.raises(ConfigError, match=f"{field}: unknown {value!r}; did you mean"):
        PalindromeConfig(**{field: value})


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"curriculum_threshold": 0.9}, "curriculum_threshold=0.9: needs online_data"),
        ({"early_stop_accuracy": 0.9}, "early_stop_accuracy=0.9: needs online_data"),
        ({"chrono_init": True, "forget_bias_init": 1.0}, "forget_bias_init=1.0: is incompatible with chrono_init"),
        ({"num_samples": 10, "train_fraction": 0.01}, "leaves one side of 10 palindromes empty"),
        ({"length": 2, "train_fraction": 0.99}, "leaves one side of 10 palindromes empty"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(options, reason):
    with pytest.raises(ConfigError, match=reason):
        PalindromeConfig(**options)


def test_the_courses_recipe_is_the_default():
    assert recipes.PALINDROME["course"] == PalindromeConfig()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("encoding", "inputs"), [("scalar", 1), ("one-hot", 10)])
def test_the_network_has_the_cell_the_inputs_and_the_sizes_of_the_config(cell, encoding, inputs):
    model = build_network(PalindromeConfig(cell=cell, input_encoding=encoding, hidden_size=7))
    gates = len(CELLS[cell].gates)
    assert model.recurrent.cell is CELLS[cell]
    assert model.recurrent.weight_ih.shape == (gates * 7, inputs)
    assert model.head.weight.shape == (10, 7)


def test_the_seed_determines_palindromes_and_weights():
    config = PalindromeConfig(hidden_size=4, num_samples=100)
    first, again, other = (build_data(replace(config, seed=seed)).train.digits for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    first, again, other = (build_network(replace(config, seed=seed)).recurrent.weight_hh for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_no_engine_device_or_thread_count_is_part_of_the_config():
    assert not {"engine", "device", "threads"} & vars(PalindromeConfig()).keys()
