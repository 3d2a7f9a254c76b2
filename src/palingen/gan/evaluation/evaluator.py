"""Evaluator: scores of images against MNIST's test images, from the features of the frozen classifier.

Protocol: 10,000 images of 8 bits are compared with the 10,000 test images; their distance to the 60,000 training images
is reported too. A score means little alone, so controls are scored as well: real images (the floor, the score of a
perfect generator) and corrupted ones (`controls.py`).

    B  images
"""

from dataclasses import dataclass
from functools import cache, cached_property

from jaxtyping import Float, Int64
from torch import Tensor

from palingen.gan.data.mnist import LabeledImages, load_images
from palingen.gan.evaluation import metrics
from palingen.gan.evaluation.classifier import ClassifierOutput, DigitClassifier, load_classifier
from palingen.gan.evaluation.controls import CONTROLS, control_output
from palingen.runtime.progress import progress
from palingen.runtime.validation import require

NUM_SAMPLES = 10_000
"""Images of a reported score."""

NUM_REPEATS = 6
"""Sets of latents over which a score in the report is averaged."""

MIN_SAMPLES = 5_000
"""Fewest images of a score. With fewer, the Frechet distance is mostly bias: 8.9 instead of 2.2 for 1,000 real ones."""

MAX_SAMPLES = 50_000
"""Most images of a score: the control without one class has no more training images."""

NUM_NEAREST = 1_000
"""Images whose nearest training image is searched for."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """Metrics of one set of images."""

    n: int
    """Number of images."""

    fd: float
    """Frechet distance to the test images."""

    fd_training: float
    """Frechet distance to the training images."""

    kid: float
    """Kernel inception distance to the test images, unbiased, so it may be below zero."""

    precision: float
    """Fraction of the images within the manifold of the test images."""

    recall: float
    """Fraction of the test images within the manifold of the images."""

    density: float
    """Mean number of test neighbourhoods that contain an image, over k; 1 for equal distributions."""

    coverage: float
    """Fraction of the test images whose neighbourhood contains an image."""

    inception_score: float
    """Inception score of the classifier, from 1 to 10."""

    class_tv: float
    """Total variation distance between the class frequencies of the images and of the test images."""

    mean_confidence: float
    """Mean probability of the likeliest class."""

    nearest_train_ratio: float
    """Mean distance to the nearest training image, over that of test images; 0 for copies of training images."""

    class_accuracy: float | None = None
    """Fraction of the images classified as the requested class; None if unconditional."""


class Evaluator:
    """Scores of images against real ones, whose classifier outputs are computed once.

    Args:
        classifier: frozen classifier.
        test: images to compare with.
        training: images for the controls, and for the distance to the nearest training image.
    """

    def __init__(self, classifier: DigitClassifier, test: LabeledImages, training: LabeledImages) -> None:
        self.classifier, self.training_images = classifier, training
        self.test, self.training = classifier.predict(test.pixels), classifier.predict(training.pixels)
        self._controls: dict[int, dict[str, Score]] = {}

    @cached_property
    def knn_radii(self) -> Float[Tensor, " N"]:
        """Squared distance from each test image to its k-th nearest other one."""
        return metrics.knn_radii(self.test.features)

    @cached_property
    def nearest_test_distance(self) -> float:
        """Mean distance from test images to their nearest training image."""
        return metrics.nearest_distances(self.test.features[:NUM_NEAREST], self.training.features).mean().item()

    def score(self, output: ClassifierOutput, labels: Int64[Tensor, " B"] | None = None) -> Score:
        """Score of images.

        Args:
            output: classifier output for the images.
            labels: class that each image was requested to show, if any.
        """
        features, probabilities = output.features, output.probabilities
        frequencies, test_frequencies = map(metrics.class_frequencies, (probabilities, self.test.probabilities))
        nearest = metrics.nearest_distances(features[:NUM_NEAREST], self.training.features).mean().item()
        return Score(
            n=len(features),
            fd=metrics.frechet_distance(self.test.features, features),
            fd_training=metrics.frechet_distance(self.training.features, features),
            kid=metrics.kid(self.test.features, features),
            **vars(metrics.prdc(self.test.features, features, real_radii=self.knn_radii)),
            inception_score=metrics.inception_score(probabilities),
            class_tv=metrics.total_variation(frequencies, test_frequencies),
            mean_confidence=metrics.mean_confidence(probabilities),
            nearest_train_ratio=nearest / self.nearest_test_distance,
            class_accuracy=None if labels is None else metrics.class_accuracy(probabilities, labels),
        )

    def controls(self, count: int = NUM_SAMPLES) -> dict[str, Score]:
        """Scores of real and of corrupted images, the floor first, each of `count` training images."""
        if count not in self._controls:
            scores: dict[str, Score] = {}
            with progress("controls", len(CONTROLS), "rows") as bar:
                for name in CONTROLS:
                    output = control_output(name, count, self.training_images, self.training, self.classifier)
                    scores[name] = self.score(output)
                    bar.advance(len(scores), fd=scores[name].fd)
            self._controls[count] = scores
        return self._controls[count]


@cache
def mnist_evaluator() -> Evaluator:
    """Evaluator for MNIST with the shipped classifier; the same object at every call."""
    return Evaluator(load_classifier(), load_images("t10k"), load_images("train"))


def require_count(count: int) -> None:
    """Check the number of images of a score.

    Raises:
        ConfigError: there are too few for a Frechet distance, or more than the controls have.
    """
    too_few = f"must be at least {MIN_SAMPLES}; with fewer the Frechet distance is mostly bias"
    require("count", count, count >= MIN_SAMPLES, too_few)
    too_many = f"must be at most {MAX_SAMPLES}, as many as there are training images of nine classes"
    require("count", count, count <= MAX_SAMPLES, too_many)
