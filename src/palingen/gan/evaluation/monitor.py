"""Rough quality of a generator during training, with a warning when classes disappear.

B  images
"""

import sys
from dataclasses import asdict
from functools import cached_property
from typing import Any

from torch import nn

from palingen.gan.config import MIN_MONITOR_SAMPLES, GanConfig
from palingen.gan.data.datasets import ImageDataset
from palingen.gan.data.mnist import validation_order
from palingen.gan.evaluation import metrics
from palingen.gan.evaluation.classifier import Classifier, ClassifierOutput
from palingen.gan.evaluation.classifier_store import find_classifier, missing_reason
from palingen.gan.evaluation.stacked_mnist import count_modes, read_numbers
from palingen.gan.sampling.latents import append_one_hot, generate_pixels, sample_latents
from palingen.runtime.errors import DataError

MIN_CLASS_FREQUENCY = 0.01
"""A class with a lower frequency counts as lost."""

FIRST_WARNING_EPOCH = 5
"""Epoch before which lost classes are normal."""


def is_monitor_epoch(epoch: int, last: int) -> bool:
    """Whether to evaluate after this epoch: 1, 2, 5, 10, 20, 50, ... and the last."""
    return epoch == last or (str(epoch)[0] in "125" and int(str(epoch)[1:] or 0) == 0)


class Monitor:
    """Comparison of the generator's images with as many images of the validation part.

    Args:
        config: the experiment.
        dataset: training images.
        count: images to compare.
        classifier: frozen classifier of the classes of the data.
    """

    def __init__(self, config: GanConfig, dataset: ImageDataset, count: int, classifier: Classifier) -> None:
        self.config, self.dataset, self.count, self.classifier = config, dataset, count, classifier
        self.indices = validation_order(len(dataset))[:count].to(dataset.labels.device)
        labels = dataset.labels[self.indices].cpu() if config.conditional else None
        latents = sample_latents(count, config.latent_dim, config.seed)
        self.inputs = append_one_hot(latents, labels, dataset.info.num_classes)

    @classmethod
    def create(cls, config: GanConfig, dataset: ImageDataset) -> "Monitor | None":
        """Monitor of a training; None if it is switched off, or there are too few images or no classifier of them.

        Without a classifier, one line on standard error says how to get one.

        Raises:
            DataError: there are too few images to choose the best generator by, or no classifier of them.
        """
        if classifier := require_monitor(config, dataset):
            return cls(config, dataset, _count_images(config, dataset), classifier)
        if _count_images(config, dataset) >= MIN_MONITOR_SAMPLES:
            reason = f"{dataset.info.name} {missing_reason(dataset.info)}"
            print(f"gan: the quality is not monitored, since {reason}", file=sys.stderr)
        return None

    @cached_property
    def real(self) -> ClassifierOutput:
        """Classifier output for the training images."""
        return self.classifier.predict(self.dataset.pixels(self.indices).cpu().squeeze(1))

    def evaluate(self, generator: nn.Module, epoch: int) -> dict[str, Any]:
        """Metrics of the generator after an epoch; warns on standard error if classes have disappeared."""
        pixels = generate_pixels(generator, self.inputs)
        if self.config.channels == 3:
            digits = pixels.unflatten(2, (3, -1)).transpose(1, 2)
            return asdict(count_modes(read_numbers(self.classifier, digits)))
        fake = self.classifier.predict(pixels)
        frequencies, real_frequencies = (
            metrics.class_frequencies(output.probabilities) for output in (fake, self.real)
        )
        lost = (frequencies < MIN_CLASS_FREQUENCY) & (real_frequencies >= MIN_CLASS_FREQUENCY)
        if lost.any() and epoch >= FIRST_WARNING_EPOCH:
            names = ", ".join(name for index, name in enumerate(self.dataset.info.class_names) if lost[index])
            print(f"gan: warning after epoch {epoch}: hardly any {names} in {self.count} images", file=sys.stderr)
        prdc = metrics.prdc(self.real.features, fake.features)
        return {
            "n": self.count,
            "against": "training images",
            "fd": metrics.frechet_distance(self.real.features, fake.features),
            "coverage": prdc.coverage,
            "recall": prdc.recall,
            "class_tv": metrics.total_variation(frequencies, real_frequencies),
        }


def require_monitor(config: GanConfig, dataset: ImageDataset) -> Classifier | None:
    """Classifier of the monitor; None if it is switched off, or there are too few images or no classifier of them.

    Raises:
        DataError: there are too few images to choose the best generator by, or no classifier of them.
        RunError: the classifier's weights are damaged.
    """
    has_enough = (count := _count_images(config, dataset)) >= MIN_MONITOR_SAMPLES
    classifier = find_classifier(dataset.info) if has_enough else None
    if config.keep == "best" and not has_enough:
        raise DataError(f"keep='best': needs at least {MIN_MONITOR_SAMPLES} training images; there are {count}")
    if config.keep == "best" and classifier is None:
        raise DataError(f"keep='best': needs the monitor, but {dataset.info.name} {missing_reason(dataset.info)}")
    return classifier


def _count_images(config: GanConfig, dataset: ImageDataset) -> int:
    return min(config.monitor_samples or 0, len(dataset))
