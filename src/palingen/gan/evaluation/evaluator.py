"""Evaluator: scores of images against real ones, from the features of frozen classifiers.

Protocol: 10,000 images of 8 bits are compared with the 10,000 test images, which only report. Settings are chosen with
the validation part instead: 30,000 images against 30,000 training images. A score means little alone, so controls are
scored as well: real images (the floor, the score of a perfect generator) and corrupted ones (`controls.py`), each as
mean and standard deviation over `NUM_SUBSETS` random subsets, since one subset may be lucky.

    B  images
"""

from functools import cache, cached_property
from typing import Literal

from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from palingen.gan.data.dataset_info import MNIST_INFO, DatasetInfo
from palingen.gan.data.mnist import LabeledImages, load_images, random_order, validation_order
from palingen.gan.evaluation import metrics
from palingen.gan.evaluation.classifier import Classifier, load_classifier
from palingen.gan.evaluation.classifier_pair import ClassifierPair, PairOutput
from palingen.gan.evaluation.controls import LEFT_OUT, control_names, control_output
from palingen.gan.evaluation.score import Score, ScoreSummary, summarize
from palingen.gan.evaluation.second_classifier import load_second_classifier
from palingen.runtime.progress import progress
from palingen.runtime.validation import require

Reference = Literal["test", "validation"]
"""Real images to compare with: the test images, or the validation part of the training images."""

NUM_SAMPLES = {"test": 10_000, "validation": 30_000}
"""Images of a score, by reference."""

MAX_SAMPLES = {"test": 50_000, "validation": 30_000}
"""Most images of a score: the control without one class, or the floor, has no more images."""

MIN_SAMPLES = 5_000
"""Fewest images of a score. With fewer, the Frechet distance is mostly bias: 8.9 instead of 2.2 for 1,000 real ones."""

MIN_OTHER_SAMPLES = 100
"""Fewest images of a score with another data set, which may have no more; its floor has as many and the same bias."""

NUM_REPEATS = 6
"""Sets of latents over which a score in the report is averaged."""

NUM_SUBSETS = 10
"""Random subsets of real images, with seeds 0, 1, ..., over which the floor and each other control are averaged."""

NUM_NEAREST = 1_000
"""Images whose nearest training image is searched for."""


class Evaluator:
    """Scores of images against real ones, whose classifier outputs are computed once.

    Args:
        classifiers: frozen classifiers.
        real: images to compare with.
        training: images for the controls, and for the distance to the nearest training image.
        reference: what the real images are; it selects the controls.
        num_subsets: random subsets over which each control is averaged.
        info: identity of the data set.
    """

    def __init__(
        self,
        classifiers: ClassifierPair,
        real: LabeledImages,
        training: LabeledImages,
        reference: Reference = "test",
        num_subsets: int = NUM_SUBSETS,
        info: DatasetInfo = MNIST_INFO,
    ) -> None:
        self.classifiers, self.real_images, self.training_images = classifiers, real, training
        self.reference, self.num_subsets, self.info = reference, num_subsets, info
        self.real = classifiers.predict(real.pixels)
        self.training = classifiers.first.predict(training.pixels)
        self._controls: dict[int, dict[str, ScoreSummary]] = {}

    @property
    def classifier(self) -> Classifier:
        """First classifier."""
        return self.classifiers.first

    @property
    def max_count(self) -> int:
        """Most images of a score, as many as there are for the control without one class, or for the floor."""
        images = self.training_images
        available = len(images) if self.reference == "validation" else int((images.labels != LEFT_OUT).sum())
        return min(available, MAX_SAMPLES[self.reference])

    @cached_property
    def training_output(self) -> PairOutput:
        """Outputs of both classifiers for the training images; only the controls need the second's."""
        return PairOutput(self.training, self.classifiers.second_features(self.training_images.pixels))

    @cached_property
    def knn_radii(self) -> Float[Tensor, " N"]:
        """Squared distance from each real image to its k-th nearest other one."""
        return metrics.knn_radii(self.real.first.features)

    @cached_property
    def nearest_real_distance(self) -> float:
        """Mean distance from real images to their nearest training image."""
        return metrics.nearest_distances(self.real.first.features[:NUM_NEAREST], self.training.features).mean().item()

    @property
    def low_confidence_fraction(self) -> float:
        """Fraction of the real images that the classifier is not confident of."""
        return metrics.low_confidence_fraction(self.real.first.probabilities)

    def predict(self, pixels: UInt8[Tensor, "B 28 28"]) -> PairOutput:
        """Outputs of the classifiers, for grey levels 0 to 255."""
        return self.classifiers.predict(pixels)

    def score(self, output: PairOutput, labels: Int64[Tensor, " B"] | None = None) -> Score:
        """Score of images.

        Args:
            output: outputs of the classifiers for the images.
            labels: class that each image was requested to show, if any.
        """
        features, probabilities = output.first.features, output.first.probabilities
        real = self.real.first
        frequencies, real_frequencies = map(metrics.class_frequencies, (probabilities, real.probabilities))
        nearest = metrics.nearest_distances(features[:NUM_NEAREST], self.training.features).mean().item()
        return Score(
            n=len(features),
            fd=metrics.frechet_distance(real.features, features),
            fd_second=self._second_distance(output),
            fd_training=metrics.frechet_distance(self.training.features, features),
            kid=metrics.kid(real.features, features),
            **vars(metrics.prdc(real.features, features, real_radii=self.knn_radii)),
            inception_score=metrics.inception_score(probabilities),
            class_tv=metrics.total_variation(frequencies, real_frequencies),
            mean_confidence=metrics.mean_confidence(probabilities),
            low_confidence_fraction=metrics.low_confidence_fraction(probabilities),
            nearest_train_ratio=nearest / self.nearest_real_distance,
            class_accuracy=None if labels is None else metrics.class_accuracy(probabilities, labels),
        )

    def controls(self, count: int) -> dict[str, ScoreSummary]:
        """Scores of real and of corrupted images, the floor first, each of `count` training images.

        On the validation part the floor is the only control, and its images are the other training images.
        """
        if count not in self._controls:
            names = control_names(self.info.class_names)[: None if self.reference == "test" else 1]
            num_subsets = self.num_subsets if count < len(self.training_images) else 1  # all of them: one subset
            scores: dict[str, list[Score]] = {name: [] for name in names}
            with progress("controls", num_subsets * len(names), "sets") as bar:
                for seed in range(num_subsets):
                    for name in names:
                        scores[name].append(self._score_control(name, count, seed))
                        bar.advance(sum(map(len, scores.values())), fd=scores[name][-1].fd)
            self._controls[count] = {name: summarize(group) for name, group in scores.items()}
        return self._controls[count]

    def _score_control(self, name: str, count: int, seed: int) -> Score:
        return self.score(control_output(name, count, self.training_images, self.training_output, self.predict, seed))

    def _second_distance(self, output: PairOutput) -> float | None:
        if self.real.second_features is None or output.second_features is None:
            return None
        return metrics.frechet_distance(self.real.second_features, output.second_features)


@cache
def mnist_evaluator(reference: Reference = "test") -> Evaluator:
    """Evaluator for MNIST with the shipped classifiers; the same object at every call.

    Args:
        reference: `test`, the test images; or `validation`, half of the training images, without the second classifier.
    """
    training = load_images("train")
    if reference == "test":
        pair = ClassifierPair(load_classifier(), load_second_classifier())
        test = load_images("t10k")
        return Evaluator(pair, test.select(random_order(len(test))), training)
    validation, others = validation_order(len(training)).chunk(2)
    return Evaluator(
        ClassifierPair(load_classifier(), None), training.select(validation), training.select(others), reference
    )


def default_count(evaluator: Evaluator) -> int:
    """Number of images of a score: that of the protocol, or as many as a small data set allows."""
    return min(NUM_SAMPLES[evaluator.reference], evaluator.max_count)


def require_count(count: int, reference: Reference = "test", evaluator: Evaluator | None = None) -> None:
    """Check the number of images of a score.

    Args:
        count: the number.
        reference: what the images are compared with.
        evaluator: evaluator of a data set other than MNIST, which may be smaller.

    Raises:
        ConfigError: there are too few for a Frechet distance, or more than the controls have.
    """
    limit = evaluator.max_count if evaluator else MAX_SAMPLES[reference]
    least = min(MIN_SAMPLES if evaluator is None else MIN_OTHER_SAMPLES, limit)
    too_few = f"must be at least {least}; with fewer the Frechet distance is mostly bias"
    require("count", count, count >= least, too_few)
    images = "training images of nine classes" if reference == "test" else "images in the validation part"
    if evaluator and reference == "test":
        images = "training images of all classes but one"
    require("count", count, count <= limit, f"must be at most {limit}, as many as there are {images}")
