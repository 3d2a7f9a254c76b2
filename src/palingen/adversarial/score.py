"""The measuring protocol: generated images against real ones, as the judge sees them.

10,000 images of 8 bits against the 10,000 test images, with the 60,000 training images as a second column. No number
means anything alone, so the same is measured of real images (the floor: what a perfect generator would get) and of
images spoilt on purpose (what each number notices, and what it does not).

    B  images
"""

from dataclasses import dataclass
from functools import cache, cached_property

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Generator, Tensor
from torch.nn.functional import avg_pool2d

from palingen.adversarial import metrics
from palingen.adversarial.images import Images, load_images
from palingen.adversarial.judge import Judge, Look, load_judge
from palingen.config import check_value
from palingen.progress import progress

SAMPLES = 10_000
"""Images of a reported score."""

DRAWS = 6
"""Sets of so many images, of other latents each, that a score of the report is the mean of."""

FEWEST = 5_000
"""With fewer, the Frechet distance is mostly its own bias: 8.9 instead of 2.2 for 1,000 real images."""

NEAREST_OF = 1_000
"""Images whose nearest training image is looked for."""

NOISE = 0.1
"""Standard deviation of the noisy row, as a share of the grey range."""

REFERENCES = ("floor", "blur", "noise", "no 1s", "100 repeated", "1000 repeated")
"""Real images, and what may go wrong: smeared, noisy, a class forgotten, few training images learned by heart."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One set of images, measured."""

    n: int
    """Images measured."""

    fd: float
    """Frechet distance to the test images."""

    fd_training: float
    """Frechet distance to the training images."""

    kid: float
    """Kernel distance to the test images; below zero by chance where there is none."""

    precision: float
    """Share of the images that lie among the test images."""

    recall: float
    """Share of the test images that lie among the images."""

    density: float
    """How deep the images lie among the test images; 1 for test images themselves."""

    coverage: float
    """Share of the test images that have one of the images near."""

    classifier_score: float
    """From 1 to 10; sure of each image, even over the classes."""

    class_tv: float
    """Total variation between the classes of the images and of the test images; 0 for the same shares."""

    confidence: float
    """The judge's mean confidence."""

    nearest: float
    """Mean distance to the nearest training image over that of test images; 0 for repeated training images."""

    agreement: float | None = None
    """Share of the images that the judge puts in the class they were asked for; None if none was."""


class Yardstick:
    """The real images' part of every score, looked at once."""

    def __init__(self, judge: Judge, test: Images, training: Images) -> None:
        self.judge, self.images = judge, training
        self.test, self.training = judge.look(test.pixels), judge.look(training.pixels)
        self._references: dict[int, dict[str, Score]] = {}

    @cached_property
    def radii(self) -> Float[Tensor, " N"]:
        """How far the test images' neighbourhoods reach."""
        return metrics.radii(self.test.features)

    @cached_property
    def nearest(self) -> float:
        """The mean distance from test images to their nearest training images."""
        return metrics.nearest(self.test.features[:NEAREST_OF], self.training.features).mean().item()

    def score(self, seen: Look, labels: Int64[Tensor, " B"] | None = None) -> Score:
        """Measure what the judge saw.

        Args:
            seen: the judge's look at the images.
            labels: the class each image was asked to show, if any was.
        """
        support = metrics.support(self.test.features, seen.features, real_radii=self.radii)
        shares = metrics.class_shares(seen.probabilities)
        return Score(
            n=len(seen.features),
            fd=metrics.frechet_distance(self.test.features, seen.features),
            fd_training=metrics.frechet_distance(self.training.features, seen.features),
            kid=metrics.kernel_distance(self.test.features, seen.features),
            **vars(support),
            classifier_score=metrics.classifier_score(seen.probabilities),
            class_tv=metrics.total_variation(shares, metrics.class_shares(self.test.probabilities)),
            confidence=metrics.confidence(seen.probabilities),
            nearest=metrics.nearest(seen.features[:NEAREST_OF], self.training.features).mean().item() / self.nearest,
            agreement=None if labels is None else metrics.agreement(seen.probabilities, labels),
        )

    def references(self, count: int = SAMPLES) -> dict[str, Score]:
        """The floor, then the rows spoilt on purpose, each of `count` training images drawn once for all."""
        if count not in self._references:
            with progress("real and spoilt images", len(REFERENCES), "rows") as watcher:
                scores = {}
                for name in REFERENCES:
                    scores[name] = self.score(self._look_at(name, count))
                    watcher.advance(len(scores), fd=scores[name].fd)
            self._references[count] = scores
        return self._references[count]

    def _look_at(self, name: str, count: int) -> Look:
        order = torch.randperm(len(self.images), generator=Generator().manual_seed(0))
        match name:
            case "floor":
                return self.training.of(order[:count])
            case "blur":
                return self.judge.look(blur(self.images.pixels[order[:count]]))
            case "noise":
                return self.judge.look(noisy(self.images.pixels[order[:count]]))
            case "no 1s":
                return self.training.of(order[self.images.labels[order] != 1][:count])
            case _:
                few = int(name.removesuffix(" repeated"))
                return self.training.of(order[torch.arange(count) % few])


@cache
def yardstick() -> Yardstick:
    """MNIST's, by the shipped judge; the same one at every call."""
    return Yardstick(load_judge(), load_images("t10k"), load_images("train"))


def check_count(count: int) -> None:
    """Refuse a number of images that a score cannot be reported for.

    Raises:
        ConfigError: naming it.
    """
    check_value("count", count, count >= FEWEST, f"at least {FEWEST}: a Frechet distance of fewer is mostly bias")
    check_value("count", count, count <= 50_000, "at most 50000, as many as there are training images of nine classes")


def blur(pixels: UInt8[Tensor, "B 28 28"]) -> UInt8[Tensor, "B 28 28"]:
    """Each pixel the mean of the nine around it, black beyond the edge."""
    return avg_pool2d(pixels.float().unsqueeze(1), 3, stride=1, padding=1).squeeze(1).round().to(torch.uint8)


def noisy(pixels: UInt8[Tensor, "B 28 28"]) -> UInt8[Tensor, "B 28 28"]:
    """Each pixel with normal noise, the same at every call."""
    noise = torch.randn(pixels.shape, generator=Generator().manual_seed(0))
    return (pixels + 255 * NOISE * noise).round().clamp(0, 255).to(torch.uint8)
