"""A trained generator by the measuring protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from palingen.adversarial.judge import Judge
from palingen.adversarial.score import SAMPLES, Score, Yardstick
from palingen.adversarial.stacked import SAMPLES as STACKED_SAMPLES
from palingen.adversarial.stacked import count_modes, floor, numbers
from palingen.adversarial.trained import Trained
from palingen.progress import progress


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Scores of one generator, each of other latents."""

    name: str
    seed: int
    """Of the first; each further one has the next."""

    truncation: float
    """As in `GanRun`."""

    scores: Sequence[Score]

    @property
    def mean(self) -> Score:
        """Each number's mean; `n` is the images of one draw."""
        return Score(**_over(self.scores, fmean) | {"n": self.scores[0].n})

    @property
    def spread(self) -> dict[str, float]:
        """Each number's standard deviation over the draws; empty if there is but one."""
        return _over(self.scores, stdev) if len(self.scores) > 1 else {}

    def as_record(self, references: Mapping[str, Score]) -> dict[str, Any]:
        """What `score.json` holds: the means, the floor's distance, the spread, and a row for each set of images."""
        rows = {self.name: self.mean, **references}
        return {
            **asdict(self.mean),
            "fd_floor": references["floor"].fd,
            "seed": self.seed,
            "draws": len(self.scores),
            "truncation": self.truncation,
            "spread": self.spread,
            "rows": {name: asdict(row) for name, row in rows.items()},
        }


def measure(trained: Trained, real: Yardstick, count: int = SAMPLES, seed: int = 0) -> Score:
    """Its images against the real ones; a class-conditional one is asked for classes as often as they occur."""
    labels = trained.labels(count, seed)
    return real.score(real.judge.look(trained.pixels(count, seed, labels)), labels)


def draw(trained: Trained, real: Yardstick, count: int = SAMPLES, seed: int = 0, draws: int = 1) -> Draws:
    """The same for several sets of latents, at least one, since a single one may be lucky."""
    scores = []
    with progress("generated images", draws, "draws") as watcher:
        for turn in range(draws):
            scores.append(measure(trained, real, count, seed + turn))
            watcher.advance(len(scores), fd=scores[-1].fd)
    return Draws(name=trained.name, seed=seed, truncation=trained.config.truncation, scores=scores)


def draw_numbers(trained: Trained, judge: Judge, count: int = STACKED_SAMPLES, seed: int = 0) -> dict[str, float]:
    """What `score.json` holds of a generator of three digits: its modes and reverse KL, real digits' beside them."""
    pixels = trained.pixels(count, seed, None).unflatten(2, (3, -1)).transpose(1, 2)
    own, real = count_modes(numbers(judge, pixels)), floor(count)
    return {**asdict(own), "modes_floor": real.modes, "reverse_kl_floor": real.reverse_kl, "seed": seed}


def _over(scores: Sequence[Score], statistic: Any) -> dict[str, Any]:
    """A statistic of each number that all scores have."""
    columns = {name: [asdict(score)[name] for score in scores] for name in asdict(scores[0])}
    return {name: None if None in values else statistic(values) for name, values in columns.items()}
