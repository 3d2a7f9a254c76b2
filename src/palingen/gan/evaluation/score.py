"""Score of a set of images, and its mean and spread over several sets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Score:
    """Metrics of one set of images, compared with the reference: the test images, or a validation part."""

    n: int
    """Number of images."""

    fd: float
    """Frechet distance to the reference."""

    fd_second: float | None
    """Frechet distance to the reference in the second classifier's features; None on the validation part, since that
    classifier must not choose."""

    fd_training: float
    """Frechet distance to the training images; on the validation part, to the other training images."""

    kid: float
    """Kernel inception distance to the reference, unbiased, so it may be below zero."""

    precision: float
    """Fraction of the images within the manifold of the reference."""

    recall: float
    """Fraction of the reference within the manifold of the images."""

    density: float
    """Mean number of neighbourhoods of the reference that contain an image, over k; 1 for equal distributions."""

    coverage: float
    """Fraction of the reference whose neighbourhood contains an image."""

    inception_score: float
    """Inception score of the classifier, from 1 to 10."""

    class_tv: float
    """Total variation distance between the class frequencies of the images and of the reference."""

    mean_confidence: float
    """Mean probability of the likeliest class."""

    low_confidence_fraction: float
    """Fraction of the images whose likeliest class has a probability below 0.9: broken or ambiguous digits."""

    nearest_train_ratio: float
    """Mean distance to the nearest training image, over that of reference images; 0 for copies of training images."""

    class_accuracy: float | None = None
    """Fraction of the images classified as the requested class; None if unconditional."""


@dataclass(frozen=True, kw_only=True)
class ScoreSummary:
    """Mean and standard deviation of each metric over several sets of images."""

    mean: Score

    std: Mapping[str, float | None]
    """Standard deviation by metric; empty for a single set."""

    def as_row(self) -> dict[str, Any]:
        """JSON of the mean, with the standard deviations under `std`."""
        return {**asdict(self.mean), "std": dict(self.std)}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "ScoreSummary":
        """Summary from its JSON.

        Raises:
            TypeError: a metric is missing or unknown.
            KeyError: there are no standard deviations.
        """
        return cls(mean=Score(**{name: value for name, value in row.items() if name != "std"}), std=row["std"])


def summarize(scores: Sequence[Score]) -> ScoreSummary:
    """Mean and standard deviation of scores of equally many images."""
    mean = Score(**_map_metrics(scores, fmean) | {"n": scores[0].n})
    return ScoreSummary(mean=mean, std=_map_metrics(scores, stdev) if len(scores) > 1 else {})


def _map_metrics(scores: Sequence[Score], statistic: Callable[[list[float]], float]) -> dict[str, Any]:
    """Compute a statistic of each metric; None for metrics that the scores do not have."""
    columns = {name: [asdict(score)[name] for score in scores] for name in asdict(scores[0])}
    return {name: None if None in values else statistic(values) for name, values in columns.items()}
