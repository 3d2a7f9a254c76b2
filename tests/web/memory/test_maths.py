"""Maths of the memory page under Node, against torch: states, gates, answers, gradients, and training."""

import base64

import numpy as np
import pytest
import torch
from memory_page import make_network, needs_node, network_json, run_memory, train_in_torch
from torch import Generator
from torch.nn.functional import cross_entropy

from palingen.recurrence.analysis import gate_activations, gradient_norms
from palingen.recurrence.cells import CELLS
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.curriculum import Curriculum
from palingen.recurrence.palindromes import encode, sample_distinct
from palingen.recurrence.pretrained import load_network
from palingen.runtime.safetensors_io import load_weights

pytestmark = needs_node

PARITY = 1e-5
"""Largest difference of a state, gate or probability."""


def palindromes(count, length, seed=0):
    digits = sample_distinct(length, count, Generator().manual_seed(seed))
    return digits[:, :-1], digits[:, -1].long()


def floats(text):
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), "<f4").copy())


def relative_difference(values, expected):
    values, expected = torch.as_tensor(values).flatten(), expected.flatten()
    return float((values - expected).norm() / expected.norm())


def assert_parity(model, inputs, digits):
    """Compare states, gates and answers of the page with torch's; return the largest state."""
    layer = model.recurrent
    with torch.no_grad():
        states = layer(inputs).states
        expected = dict(zip(layer.cell.state, states, strict=True)) | {"answers": model.head(states[0]).softmax(-1)}
        gates = [gate_activations(layer, row[None]) for row in inputs]
    results = run_memory("read", network=network_json(model), digits=digits.tolist())
    computed = {name: torch.stack([floats(result[name]) for result in results]) for name in results[0]}
    for name, values in expected.items():
        assert (computed[name].view_as(values) - values).abs().max() < PARITY, name
    for name in gates[0]:
        values, own = torch.stack([row[name] for row in gates]), computed[name].view(len(digits), -1, layer.hidden_size)
        assert (own.sort(-1).values - values.sort(-1).values).abs().max() < PARITY, name  # torch's are sorted by unit
    return max(float(part.abs().max()) for part in states)


@pytest.mark.parametrize(("cell", "input_size"), [("rnn", 1), ("lstm", 10), ("gru", 1), ("peephole", 10)])
def test_states_gates_and_answers_of_64_sequences_of_200_digits_equal_torchs(cell, input_size):
    digits, _ = palindromes(64, 200)
    inputs = encode(digits, "scalar" if input_size == 1 else "one-hot")
    assert assert_parity(make_network(cell, input_size=input_size), inputs, digits) > 0.5


@pytest.mark.parametrize("name", ["rnn-memory", "gru-memory", "lstm-memory"])
def test_shipped_networks_read_palindromes_of_200_digits_as_in_torch(name):
    # In double precision, since these networks multiply torch's own rounding in float32 to 3e-5.
    digits, _ = palindromes(16, 200)
    assert_parity(load_network(name)[1].double(), encode(digits, "one-hot").double(), digits)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("input_size", [1, 10])
def test_gradients_equal_autograds(cell, input_size):
    model = make_network(cell, input_size=input_size).double()
    digits, targets = palindromes(13, 30)
    inputs = encode(digits, "scalar" if input_size == 1 else "one-hot").double()
    logits = model(inputs)
    loss = cross_entropy(logits, targets)
    loss.backward()
    result = run_memory("gradients", network=network_json(model), digits=digits.tolist(), targets=targets.tolist())
    assert result["loss"] == pytest.approx(loss.item(), rel=1e-6)
    assert result["correct"] == int((logits.argmax(1) == targets).sum())
    for name, parameter in model.named_parameters():
        assert relative_difference(result["grads"][name], parameter.grad) < 1e-4, name
    for name, expected in gradient_norms(model, inputs, targets).items():
        assert expected[0] > 0
        assert relative_difference(result["norms"][name], expected.detach()) < 1e-4, name


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
@pytest.mark.parametrize("cell", CELLS)
def test_fifty_steps_of_training_equal_torchs(cell, optimizer):
    training = train_in_torch(cell, optimizer)
    values = {"batches": training.batches, "settings": training.settings}
    training.assert_equals(run_memory("train", network=training.untrained, optimizer=optimizer, **values))


def test_training_in_the_page_learns_short_palindromes_that_it_never_read():
    settings = {"cell": "lstm", "length": 5, "inputSize": 10, "hiddenSize": 16, "optimizer": "adam", "seed": 0,
                "learningRate": 0.01, "maxGradNorm": 1, "forgetBias": 1, "batchSize": 32, "steps": 250}  # fmt: skip
    metrics = run_memory("trainSettings", settings={**settings, "curriculum": False})
    assert metrics[0]["loss"] > 2
    assert metrics[-1]["test"] > 0.98
    assert metrics[-1]["step"] == 250


def test_the_curriculum_grows_like_the_librarys():
    curriculum = Curriculum(30, start=8, growth=1.5, threshold=0.99)
    accuracies = [0.5] * 10 + [1.0] * 45 + [0.98] * 3 + [1.0] * 60
    expected = []
    for accuracy in accuracies:
        curriculum.update(torch.arange(50) < 50 * accuracy)
        expected.append(curriculum.length)
    assert run_memory("curriculum", length=30, accuracies=accuracies) == expected
    assert expected[-1] == 30


def test_untrained_weights_are_uniform_and_the_forget_gate_has_its_bias():
    settings = {"cell": "lstm", "inputSize": 10, "hiddenSize": 64, "forgetBias": 3, "seed": 5}
    parameters = run_memory("init", settings=settings)
    weight = np.array(parameters["recurrent.weight_hh"])
    assert weight.shape == (4 * 64 * 64,)
    assert np.abs(weight).max() <= 1 / 8
    assert weight.std() == pytest.approx(1 / 8 / 3**0.5, rel=0.02)
    assert parameters["recurrent.bias"][64:128] == [3] * 64
    assert run_memory("init", settings={**settings, "seed": 6}) != parameters


@pytest.mark.parametrize(("cell", "learns_state"), [*((cell, False) for cell in CELLS), ("lstm", True)])
def test_a_saved_network_is_read_by_the_library_and_by_the_page(cell, learns_state, tmp_path):
    settings = {"cell": cell, "length": 12, "inputSize": 10, "hiddenSize": 24, "optimizer": "adam", "seed": 3,
                "learningRate": 0.01, "maxGradNorm": 1, "forgetBias": 1, "curriculum": True, "batchSize": 64,
                "steps": 400}  # fmt: skip
    config = run_memory("config", settings=settings) | {"learn_initial_state": learns_state}
    model = make_network(cell, learn_initial_state=learns_state)
    saved = run_memory("safetensors", network=network_json(model), config=config)
    path = tmp_path / "trained-here.safetensors"
    path.write_bytes(base64.b64decode(saved))
    loaded_config, loaded = load_network(path)
    assert (loaded_config.cell, loaded_config.length, loaded_config.hidden_size) == (cell, 12, 24)
    assert loaded_config.curriculum_threshold == 0.99
    for name, weight in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight)
    again = run_memory("readSafetensors", base64=saved)
    assert again["config"] == config
    assert again["parameters"] == {name: weight.flatten().tolist() for name, weight in load_weights(path).items()}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"GIF89a", "this is no safetensors file"),
        (b"\x02\0\0\0\0\0\0\0{}", "it holds no palindrome network of palingen"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_plain_words(content, message):
    assert run_memory("readSafetensors", base64=base64.b64encode(content).decode()) == {"error": message}


def test_sampled_palindromes_are_palindromes_and_the_split_is_by_palindrome():
    sides = {}
    for part in ("train", "test", "all"):
        result = run_memory("sample", count=2000, length=5, seed=1, part=part)
        inputs = np.array(result["inputs"]).reshape(2000, 4)
        assert (inputs[:, 1] == inputs[:, 3]).all()
        assert (inputs[:, 0] == result["targets"]).all()
        sides[part] = {tuple(row) for row in inputs}
    assert not sides["train"] & sides["test"]
    assert len(sides["test"]) == pytest.approx(200, abs=45)  # a fifth of 1,000
    assert len(sides["all"]) > 800


def test_the_accuracy_is_measured_on_palindromes_that_no_training_of_the_page_reads():
    options = {"length": 5, "count": 50, "seed": 3}
    measured = {
        tuple(row) for row in run_memory("measured", network=network_json(make_network("rnn")), options=options)
    }
    train = np.array(run_memory("sample", count=5000, length=5, seed=1, part="train")["inputs"]).reshape(5000, 4)
    assert len(measured) > 30
    assert not measured & {tuple(row) for row in train}


def test_typed_text_becomes_a_palindrome():
    parsed = run_memory("parse", texts=["12321", "1 2 3 4 5 6", "1234", "no digits", "9" * 2000])
    assert parsed[:4] == [[1, 2, 3, 2, 1], [1, 2, 3, 3, 2, 1], None, None]
    assert parsed[4] == [9] * 1000


def test_the_interval_of_a_proportion_is_wilsons():
    low, high = run_memory("wilson", correct=190, count=200)
    assert (low, high) == (pytest.approx(0.9104, abs=1e-4), pytest.approx(0.9726, abs=1e-4))
    assert run_memory("wilson", correct=200, count=200)[1] == pytest.approx(1)


def test_units_of_a_trained_network_hold_the_first_digit_and_the_switched_off_network_guesses():
    _, model = load_network("lstm-memory")
    network = network_json(model)
    scores = np.array(run_memory("scores", network=network, options={"length": 40, "seed": 2})).reshape(39, 64)
    assert scores.min() >= 0
    untrained = network_json(load_network("lstm-memory", "start")[1])
    early = np.array(run_memory("scores", network=untrained, options={"length": 40, "seed": 2})).reshape(39, 64)
    assert scores[-1].max() > 0.9 > 0.5 > early[-1].max()
    digits, targets = palindromes(100, 40)
    values = {"network": network, "digits": digits.tolist(), "targets": targets.tolist()}
    assert run_memory("correct", **values, mask=[1] * 64) >= 97
    assert run_memory("correct", **values, mask=[0] * 64) < 30


def test_config_of_the_page_holds_every_setting_that_differs_from_the_courses():
    settings = {"cell": "rnn", "length": 20, "inputSize": 1, "hiddenSize": 32, "optimizer": "rmsprop", "seed": 3,
                "learningRate": 1e-3, "maxGradNorm": 10, "forgetBias": 1, "curriculum": False, "batchSize": 128,
                "steps": 1000}  # fmt: skip
    values = run_memory("config", settings=settings)
    config = PalindromeConfig(**{name: value for name, value in values.items() if name != "kind"})
    assert (config.input_encoding, config.forget_bias_init, config.epochs) == ("scalar", None, 16)
