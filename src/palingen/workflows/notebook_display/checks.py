"""The course's requirements, verified in a notebook: each function raises an error, or returns a table of facts."""

import ast
import os
from collections.abc import Mapping, Set
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.profiler import ProfilerActivity, profile

from palingen.gan.config import GanConfig, build_networks, count_generator_classes
from palingen.gan.data.mnist import IMAGE_SIZE
from palingen.gan.sampling.interpolation import Interpolation
from palingen.gan.sampling.latents import sample_inputs
from palingen.recurrence.config import PalindromeConfig, build_data, build_network
from palingen.recurrence.palindromes import NUM_DIGITS, Palindromes, Split, encode
from palingen.runtime.errors import PalingenError
from palingen.runtime.paths import PACKAGE_DIR
from palingen.workflows.notebook_display.markup import Markdown, table

TORCH_LAYERS = {"RNNBase", "RNN", "LSTM", "GRU", "RNNCellBase", "RNNCell", "LSTMCell", "GRUCell"}
"""Recurrent layers of torch."""

CONVERSION = "torch_weights.py"
"""The one module that knows torch's layers: it copies weights from and to them."""


class CheckError(PalingenError):
    """Requirement that is not met."""


def check_split(split: Split) -> Markdown:
    """Verify that no palindrome is in both parts, and that all of them are palindromes.

    Raises:
        CheckError: they are not.
    """
    parts = {"training": split.train, "test": split.test}
    for name, part in parts.items():
        _require(
            torch.equal(part.digits, part.digits.flip(1)), f"the {name} set holds a sequence that is no palindrome"
        )
        _require(
            torch.equal(part.target, part.inputs[:, 0].long()), f"a target of the {name} set is not its first digit"
        )
    distinct = {name: _count_distinct(part) for name, part in parts.items()}
    both = Palindromes(torch.cat([split.train.digits, split.test.digits]))
    shared = sum(distinct.values()) - _count_distinct(both)
    _require(shared == 0, f"{shared} palindromes are in the training set and in the test set")
    rows = {f"{name} samples": f"{len(part):,}, of {distinct[name]:,} palindromes" for name, part in parts.items()}
    return _facts({**rows, "palindromes in both": shared, "target = first digit read": "in all samples"})


def check_network(config: PalindromeConfig) -> Markdown:
    """Verify a recurrent network: the shapes of a batch, a gradient for every weight, and no recurrent layer of torch.

    The latter in the modules of the network, in the operations of a forward and a backward pass, and in the source.

    Raises:
        CheckError: a shape is different, a weight gets no gradient, or a layer of torch takes part.
    """
    model, batch = build_network(config), Palindromes(build_data(config).train.digits[: config.batch_size])
    inputs = encode(batch.inputs, config.input_encoding)
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # silences two lines of the profiler, whose library is Kineto
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        states, logits = model.recurrent(inputs).states[0], model(inputs)
        loss = cross_entropy(logits, batch.target)
        loss.backward()
    size, steps = config.batch_size, config.length - 1
    encoded = 1 if config.input_encoding == "scalar" else NUM_DIGITS
    expected = {
        "inputs: samples x digits read x inputs": (inputs, (size, steps, encoded)),
        "hidden states": (states, (size, steps, config.hidden_size)),
        "logits: samples x classes": (logits, (size, NUM_DIGITS)),
        "loss": (loss, ()),
    }
    untrained = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    _require(not untrained, f"{', '.join(untrained)} get no gradient")
    return _facts(
        {
            **_shapes(expected),
            "weights that get a gradient": f"all {len(list(model.parameters()))}",
            "modules": _own_modules(model),
            "operations of torch": _own_operations({event.key for event in profiler.key_averages()}),
            "source files": _own_sources(PACKAGE_DIR / "recurrence"),
        }
    )


def check_gan_shapes(config: GanConfig) -> Markdown:
    """Verify the shapes of a batch, from the latents to the logits, and the range of the images.

    Raises:
        CheckError: one is different.
    """
    networks, size = build_networks(config), config.batch_size
    num_classes = count_generator_classes(networks.generator)
    latents = sample_inputs(size, config.latent_dim, num_classes, config.seed)
    with torch.no_grad():
        images = networks.generator(latents)
        logits = networks.discriminator(images)
    expected = {
        "latents": (latents, (size, config.latent_dim + num_classes)),
        "generated images": (images, (size, config.channels, IMAGE_SIZE, IMAGE_SIZE)),
        "logits of the discriminator": (logits, (size, num_classes) if num_classes else (size,)),
    }
    _require(float(images.abs().max()) <= 1, "a generated image leaves the range from -1 to 1")
    return _facts({**_shapes(expected), "range of the images": f"{images.min():.2f} to {images.max():.2f}"})


def check_interpolations(interpolations: Mapping[str, Interpolation], steps: int = 7) -> Markdown:
    """Verify that each interpolation has `steps` images between two of different classes, and all have the same two.

    Raises:
        CheckError: one has not.
    """
    first = next(iter(interpolations.values()))
    rows = {}
    for name, interpolation in interpolations.items():
        pixels, classes = interpolation.pixels, interpolation.classes
        _require(tuple(pixels.shape) == (steps + 2, IMAGE_SIZE, IMAGE_SIZE), f"{name}: {len(pixels)} images")
        _require(classes[0] != classes[-1], f"{name}: both endpoints are of class {classes[0]}")
        same = torch.equal(pixels[[0, -1]], first.pixels[[0, -1]])
        _require(same, f"{name}: its endpoints are not those of the others")
        rows[name] = f"{len(pixels)} images = {steps} + 2 endpoints, from class {classes[0]} to class {classes[-1]}"
    return _facts(rows)


def _require(condition: bool, violation: str) -> None:
    if not condition:
        raise CheckError(f"requirement not met: {violation}")


def _facts(facts: Mapping[str, object]) -> Markdown:
    return table([{"verified": name, "found": str(value)} for name, value in facts.items()])


def _own_modules(model: nn.Module) -> str:
    layers = [type(module).__name__ for module in model.modules() if isinstance(module, nn.RNNBase | nn.RNNCellBase)]
    _require(not layers, f"the network contains {', '.join(layers)} of torch")
    return ", ".join(sorted({type(module).__name__ for module in model.modules()}))


def _own_operations(names: Set[str]) -> str:
    operations = {name for name in names if name.startswith("aten::")}
    recurrent = sorted(name for name in operations if any(part in name for part in ("lstm", "gru", "rnn")))
    _require(len(operations) > 0 and not recurrent, f"forward and backward pass call {', '.join(recurrent)}")
    return f"{len(operations)} kinds, none of them recurrent"


def _own_sources(folder: Path) -> str:
    paths = [path for path in folder.rglob("*.py") if path.name != CONVERSION]
    users = [path.name for path in paths if TORCH_LAYERS & _names(path)]
    _require(not users, f"{', '.join(users)}: uses a recurrent layer of torch")
    return f"{len(paths)}, none with {', '.join(sorted(TORCH_LAYERS))}"


def _shapes(expected: Mapping[str, tuple[torch.Tensor, tuple[int, ...]]]) -> dict[str, str]:
    """Shapes as texts, after a comparison with the expected ones."""
    for name, (tensor, shape) in expected.items():
        _require(tuple(tensor.shape) == shape, f"{name}: {_text(tuple(tensor.shape))} instead of {_text(shape)}")
    return {name: _text(shape) for name, (_, shape) in expected.items()}


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _count_distinct(palindromes: Palindromes) -> int:
    return len(palindromes.unique_with_counts()[0])


def _names(path: Path) -> set[str]:
    """Names and attributes that a file uses or imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    return imported | used | {node.attr for node in nodes if isinstance(node, ast.Attribute)}
