"""Hostile arguments for the public Python API, without the tests' type checks: run it as `python tests/api_inputs.py`.

Prints one line for each case that breaks the rule, then the counts as JSON.
"""

import contextlib
import io
import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hostile_inputs import NOT_NUMBERS, PATHS, TOO_LARGE, Tally, random_number

CEILING = 3 * 10**9
"""Bytes of address space that all cases may take beyond those of the process with all modules loaded."""

Case = tuple[str, Callable[[], Any]]
"""Name of a case, and its call."""


def run_api_cases(rounds: int) -> Tally:
    """Counts of all cases, computed in a process of their own; `rounds` random numbers for each argument."""
    command = [sys.executable, __file__, str(rounds)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    assert run.returncode == 0, run.stderr[-2000:]
    *failures, counts = run.stdout.splitlines()
    tally = Tally(failures=failures)
    for group, outcome, count in json.loads(counts):
        tally.counts[group, outcome] = count
    return tally


def integer_arguments() -> dict[str, Callable[[Any], Any]]:
    """Calls by name that take one integer, which is small or refused."""
    import palingen

    generator = palingen.load_generator("course")
    conditional = palingen.load_generator("residual")
    source = palingen.palindromes.Generator().manual_seed
    sample, split = palingen.palindromes.sample_distinct, palingen.palindromes.split_palindromes
    return {
        "sample count": generator.sample,
        "sample seed": lambda value: generator.sample(1, seed=value),
        "sample classes": lambda value: conditional.sample(1, classes=[value]),
        "interpolate steps": lambda value: generator.interpolate(steps=value),
        "interpolate seed": lambda value: generator.interpolate(steps=1, seed=value),
        "interpolate classes": lambda value: generator.interpolate(steps=1, classes=(value, 3)),
        "RecurrentLayer input_size": lambda value: palingen.RecurrentLayer("lstm", value, 3),
        "RecurrentLayer hidden_size": lambda value: palingen.RecurrentLayer("gru", 3, value),
        "SequenceClassifier num_classes": lambda value: palingen.SequenceClassifier("rnn", 3, 3, value),
        "MlpGenerator latent_dim": lambda value: palingen.MlpGenerator(value, 1e-5),
        "MlpGenerator channels": lambda value: palingen.MlpGenerator(2, 1e-5, value),
        "MlpDiscriminator channels": lambda value: palingen.MlpDiscriminator(value),
        "MlpDiscriminator num_classes": lambda value: palingen.MlpDiscriminator(1, value),
        "sample_distinct length": lambda value: sample(value, 5, source(0)),
        "sample_distinct count": lambda value: sample(30, value, source(0)),
        "split_palindromes num_samples": lambda value: split(30, value, 0.5, source(0)),
        "count_palindromes length": palingen.palindromes.count_palindromes,
    }


def other_calls(folder: Path) -> dict[str, tuple[Callable[[Any], Any], tuple[Any, ...]]]:
    """Calls by name with hostile values for their one argument, all of which must be refused."""
    import numpy as np

    import palingen

    small = palingen.PalindromeConfig(length=5, num_samples=20, hidden_size=2, epochs=1)
    images = (np.zeros((0, 28, 28)), np.zeros((3, 28, 28)), np.full((5000, 28, 28), np.nan), [[1], [1, 2]], "a", 5)
    huge = {
        "hidden_size": palingen.PalindromeConfig(hidden_size=10**9),
        "length": palingen.PalindromeConfig(length=10**9),
        "num_samples": palingen.PalindromeConfig(num_samples=10**9, length=100),
        "batch_size": palingen.PalindromeConfig(num_samples=10**6, batch_size=10**6, length=10**5),
    }
    huge_gans = (palingen.GanConfig(latent_dim=10**9), palingen.GanConfig(batch_size=10**9, architecture="conv"))
    names = ("", "x", "lstmm", 5, None, b"lstm", "\0", "a" * 9999)
    devices = ("", "x", 5, b"cpu", "\0", "cpu:", "cuda:999", "meta")
    names_of_runs = tuple(path for path in PATHS if path.isprintable())  # messages quote a path as it is
    paths = tuple(map(Path, names_of_runs))
    return {
        "train_palindrome config": (lambda value: palingen.train_palindrome(value, folder), (*huge.values(), 5, None)),
        "train_palindrome engine": (lambda value: palingen.train_palindrome(small, folder, engine=value), names),
        "train_gan config": (lambda value: palingen.train_gan(value, folder), (*huge_gans, small, 5, None)),
        "build_data config": (palingen.build_data, (huge["length"], huge["num_samples"])),
        "build_network config": (palingen.build_network, (huge["hidden_size"],)),
        "train_palindrome device": (lambda value: palingen.train_palindrome(small, folder, value), devices),
        "train_gan device": (lambda value: palingen.train_gan(palingen.GanConfig(), folder, value), devices),
        "RecurrentStack cell": (lambda value: palingen.nn.RecurrentStack(value, 3, 3), names),
        "RecurrentLayer cell": (lambda value: palingen.RecurrentLayer(value, 3, 3), names),
        "select_device name": (palingen.select_device, (*names, "cpu:", "cuda:999", "meta", "cuda:99999999999999999")),
        "load_generator run": (palingen.load_generator, (*names_of_runs, "coarse", "pretrained:coarse")),
        "load_generator path": (palingen.load_generator, paths),
        "load_generator snapshot": (lambda value: palingen.load_generator("course", value), ("", "begin", "../end")),
        "load_images split": (palingen.load_images, ("", "test", "../train")),
        "load_images data": (lambda value: palingen.load_images("train", value), (*names_of_runs, "\0")),
        "load_network folder": (palingen.load_network, paths),
        "analyze_run folder": (palingen.analyze_run, paths),
        "read_records folder": (palingen.read_records, paths),
        "read_snapshots folder": (palingen.read_snapshots, paths),
        "evaluate_images images": (palingen.evaluate_images, images),
        "evaluate_images reference": (
            lambda value: palingen.evaluate_images(np.zeros((5000, 28, 28), np.uint8), reference=value),
            ("", "train", "t10k", 5, None, []),
        ),
        "split_palindromes train_fraction": (
            lambda value: palingen.palindromes.split_palindromes(
                5, 20, value, palingen.palindromes.Generator().manual_seed(0)
            ),
            (0.0, 1.0, -1.0, 1e308, math.nan),
        ),
        "encode encoding": (
            lambda value: palingen.palindromes.encode(palingen.palindromes.torch.zeros(1, 3).byte(), value),
            ("", "one_hot", "onehot"),
        ),
        "max_latent_norm": (
            palingen.load_generator("course").with_max_latent_norm,
            (0, -1, math.nan, math.inf, 1e308, 10**400),
        ),
    }


def layer_calls() -> dict[str, tuple[Callable[[Any], Any], tuple[Any, ...]]]:
    """Calls of recurrent layers by name, with values for one argument that do not fit, all of which must be refused.

    The native engine reads memory by address: accepted ones may end the process.
    """
    from torch import Tensor, ones, tensor, zeros

    import palingen

    inputs, h = zeros(2, 5, 3), zeros(2, 4)
    layer, classifier = palingen.RecurrentLayer("lstm", 3, 4), palingen.SequenceClassifier("lstm", 3, 4, 10)
    network = palingen.load_network("lstm-memory")[1]  # of one-hot digits
    shapes = zeros(2, 5, 4), zeros(2, 5, 1), zeros(2, 5), zeros(5), zeros(2, 1, 5, 3), zeros(2, 0, 3), zeros(0, 0, 3)
    others = inputs.double(), inputs.half(), inputs.long(), inputs.to("meta"), inputs.tolist(), None, "x"
    states: tuple[Any, ...] = (h, (h,), (h, h, h), (h[:1], h[:1]), (h[0], h[0]), (h, h[:, :3]), (h, None), "hc")

    def with_scalars(digits: Tensor) -> Tensor:
        return network(palingen.palindromes.encode(digits, "scalar"))

    return {
        "RecurrentLayer inputs": (layer, (*shapes, *others)),
        "RecurrentLayer.final_state inputs": (layer.final_state, (*shapes, *others)),
        "SequenceClassifier inputs": (classifier, (*shapes, *others)),
        "load_network inputs": (with_scalars, (zeros(2, 9).byte(),)),
        "RecurrentLayer state": (lambda value: layer(inputs, value), (*states, (h.double(), h.double()))),
        "RecurrentLayer.final_state state": (lambda value: layer.final_state(inputs, value), states),
        "RecurrentLayer reset_mask": (
            lambda value: layer(inputs, reset_mask=value),
            (zeros(5, 2).bool(), zeros(2, 1).bool(), zeros(5).bool(), zeros(2, 5), [[True] * 5] * 2),
        ),
        "RecurrentLayer lengths": (
            lambda value: layer(inputs, lengths=value),
            (tensor([5]), tensor([5, 5, 5]), tensor([0, 5]), tensor([1, 6]), ones(2), ones(2, 1).long(), [5, 5]),
        ),
    }


def api_cases(rounds: int, folder: Path) -> Iterator[tuple[str, str, Callable[[], Any], bool]]:
    """Function, description and call of every case, and whether it must be refused."""
    source = random.Random(0)
    for name, call in integer_arguments().items():
        numbers = [random_number(source) for _ in range(rounds)]
        for value in (*NOT_NUMBERS, *TOO_LARGE, 0, -1, *numbers):
            yield name, shorten(value), lambda value=value, call=call: call(value), value in (*TOO_LARGE, -1)
    for name, (call, values) in {**other_calls(folder), **layer_calls()}.items():
        for value in values:
            yield name, shorten(value), lambda value=value, call=call: call(value), True


def shorten(value: object) -> str:
    """Short representation for a failure."""
    try:
        return repr(value)[:80]
    except ValueError:
        return "an integer of thousands of digits"


def try_call(description: str, call: Callable[[], Any], must_refuse: bool) -> str:
    """Outcome of one call: wrong values raise PalingenError or OSError, wrong types also TypeError, in one line."""
    from palingen import PalingenError

    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            call()
    except (PalingenError, TypeError, OSError) as error:
        return "refused" if len(str(error).splitlines()) == 1 else f"{description}: {error!r:.300}"
    except Exception as error:
        return f"{description}: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return f"{description} is accepted" if must_refuse else "accepted"


def main() -> None:
    """Run all cases under the ceiling of memory."""
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        cases = list(api_cases(int(sys.argv[1]), Path("run")))
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + CEILING
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        tally = Tally()
        for function, value, call, must_refuse in cases:
            tally.add(function, try_call(f"{function}={value}", call, must_refuse))
    print("\n".join(tally.failures), end="\n" if tally.failures else "")
    print(json.dumps([[*key, count] for key, count in tally.counts.items()]))


if __name__ == "__main__":
    main()
