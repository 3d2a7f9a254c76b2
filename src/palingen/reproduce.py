"""The report from nothing: every run that its records describe is made again, and held against what was kept.

The kept records say what to run: each run's config, each study's cells, lengths and seeds. So nothing is named twice.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from palingen import outlines, pictures
from palingen.adversarial import study as comparisons
from palingen.adversarial import train as adversarial
from palingen.adversarial.between import between
from palingen.adversarial.experiment import GanRun
from palingen.adversarial.images import Images, load_images, write_images
from palingen.adversarial.judge import load_judge
from palingen.adversarial.measured import draw, draw_numbers
from palingen.adversarial.score import DRAWS, SAMPLES, yardstick
from palingen.adversarial.study import Arm
from palingen.adversarial.trained import Trained, load
from palingen.errors import DataError, PalingenError
from palingen.files import write_json
from palingen.recurrence import inside, study
from palingen.recurrence.experiment import PalindromeRun
from palingen.recurrence.train import train as train_cell
from palingen.report.records import read
from palingen.report.write import write, write_pictures, write_tables
from palingen.runs import environment, read_config, read_records
from palingen.workers import Workers, each

FEW = 600
"""Training and test images of the shortened check."""

QUICK_LENGTH = 100
"""Digits of its longest palindromes."""

QUICK_EPOCHS = 60
"""Passes over them, after which the course's pair draws more than one digit."""


@dataclass(frozen=True)
class Part:
    """A part of the records, and how to make it again."""

    name: str
    """Its folder under `runs`."""

    seconds: float
    """What it took when it was kept, one run after the other."""

    make: Callable[[], Any]

    parallel: bool = True
    """Whether its runs are made several at a time."""


@dataclass(frozen=True)
class Reproduction:
    """The kept records and the folder in which they are made again."""

    kept: Path
    out: Path
    device: torch.device
    workers: Workers
    quick: bool = False
    """Whether to make little of everything, only to see that all of it can be made."""

    def parts(self) -> list[Part]:
        """Everything there is to make, what others need first.

        Raises:
            DataError: a record is missing or damaged.
        """
        try:
            return [*self._palindromes(), *self._studies(), *self._games(), *self._comparison()]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self.kept}: a record is missing or damaged ({error})") from error

    def _palindromes(self) -> Iterator[Part]:
        folders = sorted((self.kept / "palindromes").iterdir())
        configs = {folder.name: self._shorter(read_config(folder, PalindromeRun)) for folder in folders}
        if self.quick:
            configs = {name: config for name, config in configs.items() if config.seed == 0}
        seconds = sum(_result(folder)["seconds"] for folder in folders)
        yield Part("palindromes", seconds, partial(self._cells, configs))
        yield Part("inside", 0.0, self._inside)

    def _cells(self, configs: Mapping[str, PalindromeRun]) -> None:
        out = (self.out / "palindromes").resolve()
        longest_first = sorted(configs.items(), key=lambda one: -one[1].length)
        list(each(partial(_train, out, str(self.device)), longest_first, out, self.workers))

    def _inside(self) -> None:
        kept = json.loads((self.kept / "inside" / "inside.json").read_text())
        folders = {one["label"]: f"{one['cell']}-T{len(one['digits']) + 1}-seed0" for one in kept}
        looks = {label: inside.look(self.out / "palindromes" / folder) for label, folder in folders.items()}
        pictures.of_inside(self.out / "inside", looks)

    def _studies(self) -> Iterator[Part]:
        for path in sorted(self.kept.glob("**/study.json")):
            kept = json.loads(path.read_text())
            if "cell" in kept["config"]:
                name = path.parent.relative_to(self.kept).as_posix()
                yield Part(name, sum(run["seconds"] for run in kept["runs"]), partial(self._study, name, kept))

    def _study(self, name: str, kept: Mapping[str, Any]) -> None:
        base, out = self._shorter(PalindromeRun(**kept["config"])), self.out / name
        runs = [replace(base, **{field: run[field] for field in ("cell", "length", "seed")}) for run in kept["runs"]]
        if self.quick:
            runs = [run for run in runs if run.seed == 0 and run.length <= QUICK_LENGTH]
        runs.sort(key=lambda run: -run.length)
        list(study.study(runs, out, self.device, self.workers))
        write_json(out / "study.json", {**kept, "environment": environment(), "runs": study.finished(out)})

    def _games(self) -> Iterator[Part]:
        for folder in sorted(self.kept.glob("gan-*")):
            config = read_config(folder, GanRun)
            if self.quick and config.channels == 3:
                continue  # nothing of it is quick
            config = self._shorter_game(config, to_digits=folder.name == "gan-course")
            yield Part(
                folder.name, _result(folder)["seconds"], partial(self._game, folder.name, config), parallel=False
            )

    def _game(self, name: str, config: GanRun) -> None:
        out = self.out / name
        adversarial.train(config, out, self.device)
        pictures.of_game(out, out)
        trained = load(out)
        self._walk(trained, self.out / name.replace("gan", "between").removesuffix("-course"))
        if not (out / "score.json").exists():
            write_json(out / "score.json", self._score(trained))
        if config.truncation and not (plain := out / "untruncated" / "score.json").exists():
            write_json(plain, self._score(trained.truncated(0)))

    def _score(self, trained: Trained) -> Mapping[str, Any]:
        if trained.config.channels == 3:
            return draw_numbers(trained, load_judge())
        count, draws = (FEW, 1) if self.quick else (SAMPLES, DRAWS)
        return draw(trained, yardstick(), count, draws=draws).as_record(yardstick().references(count))

    def _walk(self, trained: Trained, out: Path) -> None:
        """Between the same two classes as the kept walk, if there is one."""
        if not (kept := self.kept / out.name / "verdicts.json").exists():
            return
        classes = json.loads(kept.read_text())["linear"]["classes"]
        pair = None if self.quick else (classes[0], classes[-1])
        try:
            walks = between(trained.generator, trained.config.latent_dim, 7, 0, pair, trained.config.classes)
        except PalingenError:
            if not self.quick:
                raise
            return  # it has learnt too little for two digits
        pictures.of_walks(out, walks)

    def _comparison(self) -> Iterator[Part]:
        path = self.kept / "comparison" / "study.json"
        if path.exists():
            kept = json.loads(path.read_text())
            seconds = sum(run["seconds"] or 0.0 for run in kept["runs"])
            yield Part("comparison", seconds, partial(self._compare, kept))

    def _compare(self, kept: Mapping[str, Any]) -> None:
        out = self.out / "comparison"
        arms = [
            Arm(run["recipe"], self._shorter_game(GanRun(**run["config"])), run["changes"])
            for run in (kept["runs"][:2] if self.quick else kept["runs"])
        ]
        list(comparisons.study(arms, out, self.device, self.workers))
        write_json(out / "study.json", {**kept, "environment": environment(), "runs": comparisons.finished(out)})

    def _shorter(self, config: PalindromeRun) -> PalindromeRun:
        return replace(config, epochs=2, samples=400, hidden=16) if self.quick else config

    def _shorter_game(self, config: GanRun, *, to_digits: bool = False) -> GanRun:
        if not self.quick:
            return config
        few = self.out / "few-images"
        if not few.exists():
            for part in ("train", "t10k"):
                images = load_images(part)
                write_images(few, part, Images(images.pixels[:FEW], images.labels[:FEW]))
        if to_digits:
            return replace(config, epochs=QUICK_EPOCHS, beta1=0.5, engine="by-hand", data=str(few), watch_samples=0)
        return replace(config, epochs=1, precision="float32", data=str(few), watch_samples=0)  # fast on every processor


def finish(folder: Path, quick: bool) -> list[Path]:
    """Make the report of the new records; pictures and tables only if they are too few to mean what its words say."""
    outlines.write(folder / "runs" / "networks.json")
    if not quick:
        return write(folder)
    records = read(folder)
    return [*write_pictures(folder, records), *write_tables(folder, records)]


def closeness(kept: Path, again: Path) -> list[dict[str, Any]]:
    """Of every part made again: how many runs, and the largest difference in what they reached."""
    rows = []
    for name, runs in _reached(again).items():
        before = _reached(kept)[name]
        far = max(abs(value - before[run]) for run, value in runs.items())
        rows.append({"part": name, "runs": len(runs), "of": len(before), "largest_difference": far})
    return rows


def _reached(runs: Path) -> dict[str, dict[Any, float]]:
    """Each part's runs: accuracy of palindromes, the discriminator's of games, the Frechet distance of a comparison."""
    palindromes = {folder.name: _result(folder)["accuracy"] for folder in sorted((runs / "palindromes").glob("*-*"))}
    found: dict[str, dict[Any, float]] = {"palindromes": palindromes}
    for path in sorted(runs.glob("**/study.json")):
        results: Sequence[Mapping[str, Any]] = json.loads(path.read_text())["runs"]
        found[path.parent.relative_to(runs).as_posix()] = {
            Path(one["folder"]).name: one["score"]["fd"] if "score" in one else one["accuracy"]
            for one in results
            if one.get("score", True)
        }
    for folder in sorted(runs.glob("gan-*")):
        found[folder.name] = {side: _result(folder)[f"{side}_accuracy"] for side in ("real", "fake")}
    return found


def _train(out: Path, device: str, run: tuple[str, PalindromeRun]) -> str:
    name, config = run
    train_cell(config, out / name, torch.device(device))
    return name


def _result(folder: Path) -> Mapping[str, Any]:
    return next(record for record in reversed(read_records(folder)) if record["kind"] == "result")
