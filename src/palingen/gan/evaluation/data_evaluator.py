"""Evaluators for data sets other than MNIST: their own images, and the classifiers that were trained on them."""

from functools import lru_cache

from palingen.gan.data.dataset_info import DatasetInfo
from palingen.gan.data.mnist import LabeledImages, random_order, validation_order
from palingen.gan.data.sources import load_data
from palingen.gan.evaluation.classifier_pair import ClassifierPair
from palingen.gan.evaluation.classifier_store import find_classifier, require_classifier
from palingen.gan.evaluation.controls import LEFT_OUT
from palingen.gan.evaluation.evaluator import Evaluator, Reference, mnist_evaluator
from palingen.runtime.errors import DataError

MIN_REFERENCE = 50
"""Fewest real images to compare with."""


def data_evaluator(info: DatasetInfo, reference: Reference = "test") -> Evaluator:
    """Evaluator for a data set with its own classifiers; a part of MNIST is compared with all of MNIST.

    Args:
        info: identity of the data set.
        reference: `test`, the test images; or `validation`, half of the training images, without the second classifier.

    Raises:
        DataError: there is no classifier for the data set, or its images are missing, changed, too few or all training
            images.
    """
    if info.is_mnist:
        return mnist_evaluator(reference)
    require_classifier(info)  # before the images are read
    return _build(info, reference)


def require_evaluator(info: DatasetInfo) -> None:
    """Check that generators of a data set can be scored against its test images, without building the evaluator.

    Raises:
        DataError: there is no classifier for the data set, or its images are missing, too few or all training images.
    """
    if not info.is_mnist:
        require_classifier(info)
        images = load_data(info.name)
        _require_usable(info, images.test, images.train)


@lru_cache(maxsize=2)
def _build(info: DatasetInfo, reference: Reference) -> Evaluator:
    images = load_data(info.name)
    if images.info != info:
        raise DataError(f"{info.name}: its images have changed since the training")
    first, training = require_classifier(info), images.train
    if reference == "test":
        real = images.test.select(random_order(len(images.test)))  # files may be in the order of their classes
        pair = ClassifierPair(first, find_classifier(info, "second"))
    else:
        validation, others = validation_order(len(training)).chunk(2)
        real, training, pair = training.select(validation), training.select(others), ClassifierPair(first, None)
    _require_usable(info, real, training)
    return Evaluator(pair, real, training, reference, info=info)


def _require_usable(info: DatasetInfo, real: LabeledImages, training: LabeledImages) -> None:
    """Check that real images can be compared with: there are enough, and not all of them are training images.

    Raises:
        DataError: they cannot.
    """
    if len(real) < MIN_REFERENCE:
        raise DataError(f"{info.name}: has {len(real)} images to compare with; at least {MIN_REFERENCE} are needed")
    others, name = int((training.labels != LEFT_OUT).sum()), info.class_names[LEFT_OUT]
    if others < MIN_REFERENCE:  # the control without one class
        need = f"at least {MIN_REFERENCE} are needed"
        raise DataError(f"{info.name}: has {others} training images of other classes than {name}; {need}")
    if {image.tobytes() for image in real.pixels.numpy()} <= {image.tobytes() for image in training.pixels.numpy()}:
        raise DataError(f"{info.name}: all of its images to compare with are training images; leave them out of these")
