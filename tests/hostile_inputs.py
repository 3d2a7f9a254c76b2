"""Inputs that nobody should type, for every field, flag and argument, and the rule that each is refused in one line.

No case trains: every command gets an output folder that cannot be made, which is found out after all input is checked.
"""

import json
import math
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from support import Command

from palingen.gan.config import GanConfig
from palingen.gan.evaluation.classifier_training import ClassifierConfig
from palingen.recurrence.config import PalindromeConfig
from palingen.runtime.errors import ConfigError, PalingenError

BLOCKED = "blocked"
"""A file where a command would make its folder."""

CASE_SECONDS = 60
"""Seconds after which a case counts as hanging, on a machine that does much else."""

NOT_NUMBERS = ("", "a", "1", b"1", [], [1], {}, (), object, 1j, math.nan, math.inf, -math.inf, True)

TOO_LARGE = (1e308, -1e308, 10**30, -(10**30), 2**63, 2**64, 10**400, -(10**5000))

TEXTS = (
    *("", " ", "-", "--", "a", "nan", "inf", "-inf", "NaN", "1e308", "-1e308", "1e-400", "9" * 400, "-" + "9" * 400),
    *("9" * 5000, "0", "-1", "1.5", "1e30", "0x10", "1_000", "1,5", "١٢", "½", "真", "\u202e1", "\x1b[31m1", "1\n2"),
    *("../../etc/passwd", "/dev/zero", "~", "*", "%s%n", "{}", "a" * 20_000, "true", "None", "null", "[1]"),
    *("2147483647", "2147483648", "18446744073709551616", "1000000000", "999999999999"),
)
"""Values of a flag."""

PATHS = ("", " ", "nowhere", "/dev/null", "/dev/null/x", "a" * 300, "x/" * 3000, "真/½", "a\nb", "pretrained:", "-")

VERBS = {
    "palindrome train": PalindromeConfig,
    "palindrome study": PalindromeConfig,
    "gan train": GanConfig,
    "gan study": GanConfig,
    "classifier train": ClassifierConfig,
}
"""Verbs whose flags are the fields of a config."""

FLAGS = {
    "palindrome train": "recipe engine device",
    "palindrome study": "recipe cells lengths seeds engine device jobs backend scheduler-address",
    "gan train": "recipe engine device devices nodes",
    "gan study": "recipe losses seeds engine device jobs backend scheduler-address",
    "classifier train": "device",
    "gan sample pretrained:course": "count seed columns classes snapshot max-latent-norm",
    "gan sample pretrained:residual": "classes",
    "gan interpolate pretrained:course": "steps classes seed",
    "gan score nowhere": "count seed repeats max-latent-norm",
    "gan export nowhere": "format",
    "demo": "device",
}
"""Further flags of each verb, and the arguments with which it is called."""

REFUSED = (
    *(f"gan score pretrained:course --count {count}" for count in (-1, 0, 1, 4999, 50_001, 10**12)),
    *(f"gan score pretrained:course --seed {seed}" for seed in (-1, 2**31, 2**64)),
    *(f"gan score pretrained:course --repeats {repeats}" for repeats in (-1, 0, 1001, 10**12)),
    "gan score pretrained:course --seed 2147483647 --repeats 2",
    *(f"gan score pretrained:course --max-latent-norm {norm}" for norm in ("nan", "inf", 0, -1, 1e308)),
    *(f"gan baselines --count {count}" for count in (-1, 0, 4999, 50_001, 10**12)),
    *(f"reproduce --jobs {jobs}" for jobs in (-1, 0, "a", 10**9)),
    "reproduce --device abacus",
    "reproduce --backend ley",
    *(f"bundle --student-number {number}" for number in ("1", "1" * 13, "١٢٣٤٥", "12345/6", "-12345")),
    "bundle",
    "bundle --student-number 12345 --name " + "a" * 81,
    "gan sample",
    "palindrome analyze",
    "palindrome train --length 2 --train-fraction 0.999",
    "palindrome train --chrono-init --forget-bias-init 1",
    "palindrome train --early-stop-accuracy 0.5",
    "palindrome train --seed 1 --seed 2 --seed",
    "palindrome study --cell lstm --cells rnn",
    "palindrome study --seed 1",
    "palindrome study --scheduler-address tcp://localhost:1",
    "gan train --conditional --data stacked",
    "gan train --engine manual --architecture conv",
    "gan train --devices 2 --device mps",
    "gan study --data stacked",
    "gan study --loss hinge --losses minimax",
    "gan sample pretrained:course --classes 1 2",
    "gan interpolate pretrained:course --classes 3 3",
    "gan interpolate pretrained:course --classes 3",
)
"""Command lines that must be refused, contradictory ones among them."""

MUST_FAIL_AT_ONCE = (
    "palindrome train --length 100000000",
    "palindrome train --hidden-size 1000000",
    "palindrome train --num-samples 1000000000",
    "palindrome train --batch-size 1000000000 --num-samples 1000000 --length 10000",
    "palindrome study --lengths 5 1000000000",
    "gan train --latent-dim 1000000000",
    "gan train --latent-dim 100000000 --architecture conv",
    "gan train --batch-size 1000000000 --architecture residual",
    "gan study --batch-size 60000 --architecture conv",
    "classifier train --batch-size 1000000000",
)
"""Command lines that need more memory than a laptop has."""


@dataclass
class Tally:
    """Counts of refused and accepted cases by group, and every case that broke the rule."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, group: str, outcome: str) -> None:
        """Count one case; an outcome other than `refused` and `accepted` is a failure."""
        self.counts[group, outcome if outcome in ("refused", "accepted") else "failed"] += 1
        if outcome not in ("refused", "accepted"):
            self.failures.append(outcome)

    @property
    def total(self) -> int:
        """Number of cases."""
        return sum(self.counts.values())

    def report(self) -> str:
        """One line for each group, and the sum."""
        outcomes = ("refused", "accepted", "failed")
        rows = {group: [self.counts[group, outcome] for outcome in outcomes] for group, _ in self.counts}
        rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
        lines = [
            f"{group}: {sum(row):,} cases, {', '.join(f'{n:,} {name}' for n, name in zip(row, outcomes, strict=True))}"
            for group, row in rows.items()
        ]
        return "\n".join(["", *lines, *self.failures])


def random_number(source: random.Random) -> int | float:
    """Whole or broken number of any magnitude and sign."""
    magnitude = source.choice((-1, 1)) * 10 ** source.uniform(-12, 40)
    return int(magnitude) if source.random() < 0.5 else magnitude


def is_number(hint: Any) -> bool:
    """Whether a field's annotation is a number, possibly or None."""
    return hint in (int, float) or bool({int, float} & set(get_args(hint)))


def config_cases(kind: type, source: random.Random, numbers: int) -> Iterator[tuple[str, object, bool]]:
    """Name of a field, value, and whether it must be refused; `numbers` random numbers for each field."""
    for name, hint in get_type_hints(kind).items():
        is_choice = get_origin(hint) is Literal or any(get_origin(option) is Literal for option in get_args(hint))
        hostile = [*NOT_NUMBERS, *TOO_LARGE] if is_number(hint) else [*TOO_LARGE, b"a", [], {}, object, math.nan]
        hostile += ["", "a", "\0", 5] if is_choice else [2, "yes"] if hint is bool else []
        yield from ((name, value, True) for value in hostile)
        yield from ((name, random_number(source), not is_number(hint)) for _ in range(numbers))
        yield name, None, NoneType not in get_args(hint)


def try_config(kind: type, name: str, value: object, must_refuse: bool) -> str:
    """Outcome of a config with one hostile field."""
    try:
        config = kind(**{name: value})
    except ConfigError as error:
        message = str(error)
        valid = message.startswith(name) and len(message.splitlines()) == 1 and len(message) < 400
        return "refused" if valid else f"{kind.__name__}({name}=...): {message[:400]}"
    if must_refuse:
        return f"{kind.__name__}({name}={value!r:.80}) is accepted"
    json.dumps(asdict(config), allow_nan=False)
    return "accepted"


def command_cases(source: random.Random) -> Iterator[tuple[str, ...]]:
    """Command lines: every flag of every verb with every text and a few random numbers."""
    flags = {verb: [item.name.replace("_", "-") for item in fields(kind)] for verb, kind in VERBS.items()}
    for verb, further in FLAGS.items():
        for flag in [*flags.get(verb, ()), *further.split()]:
            numbers = [str(random_number(source)) for _ in range(3)]
            for text in (*TEXTS, *numbers):
                yield *verb.split(), f"--{flag}", text
    for verb in ("gan sample", "gan interpolate", "gan score", "gan export", "palindrome analyze", "report --records"):
        for path in PATHS:
            yield *verb.split(), path
    for command in (*REFUSED, *MUST_FAIL_AT_ONCE):
        yield tuple(command.split(" "))


def block_trainings(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make the file in which no output folder can be made, and stop before processes are started."""

    def no_workers(work: object, runs: Sequence[object], *_: object) -> None:
        raise PalingenError(f"{BLOCKED}/: {len(runs)} runs would start")

    def no_processes(**settings: object) -> None:
        raise PalingenError(f"{BLOCKED}/: {settings['devices']} processes would start")

    for laboratory in ("recurrence", "gan"):
        monkeypatch.setattr(f"palingen.{laboratory}.study.map_unordered", no_workers)
    monkeypatch.setattr("lightning_fabric.Fabric", no_processes)
    (folder / BLOCKED).write_text("a file")


def try_command(palingen: Command, arguments: tuple[str, ...]) -> str:
    """Outcome of a command whose output folder cannot be made."""
    with_out = arguments if arguments[0] == "reproduce" else (*arguments, "--out", f"{BLOCKED}/out")
    shown = " ".join(argument if len(argument) < 80 else f"{argument[:80]}..." for argument in arguments)
    try:
        run = with_time_limit(lambda: palingen(*with_out))
    except Exception as error:  # any traceback is a failure
        return f"{shown!r}: {type(error).__name__}: {str(error)[:300]}"
    lines = [line for line in run.stderr.splitlines() if not line.startswith("T = ")]  # the note on repeated samples
    if run.returncode != 2 or len(lines) != 1 or not lines[0].startswith("palingen: error: ") or run.stdout:
        return f"{shown!r}: exit code {run.returncode}, {run.stderr[-400:]!r}, {run.stdout[:80]!r}"
    return "accepted" if f"{BLOCKED}/" in lines[0] else "refused"


def with_time_limit(call: Callable[[], subprocess.CompletedProcess[str]]) -> subprocess.CompletedProcess[str]:
    """Result of `call`, which raises TimeoutError if it hangs."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"hangs for {CASE_SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(CASE_SECONDS)
    try:
        return call()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
