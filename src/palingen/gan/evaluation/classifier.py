"""Frozen classifier, whose features and probabilities all metrics are computed from.

B  images      F  features      K  classes
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from palingen.gan.data.mnist import DIGIT_NAMES, LabeledImages, to_unit
from palingen.runtime.paths import PRETRAINED_DIR
from palingen.runtime.safetensors_io import load_state

SHIPPED_WEIGHTS = PRETRAINED_DIR / "classifier.safetensors"
"""Weights of the shipped classifier, made by `palingen classifier train`."""


@dataclass(frozen=True)
class ClassifierOutput:
    """Features and class probabilities of images."""

    features: Float[Tensor, "B F"]
    probabilities: Float[Tensor, "B K"]

    def select(self, indices: Int64[Tensor, " b"]) -> "ClassifierOutput":
        """Output of the images at `indices`."""
        return ClassifierOutput(self.features[indices], self.probabilities[indices])


class Classifier(nn.Module, ABC):
    """Network whose last layer, `head`, maps features to logits. It is built for a number of classes."""

    head: nn.Linear

    @abstractmethod
    def features(self, images: Float[Tensor, "B 1 28 28"]) -> Float[Tensor, "B F"]:
        """Penultimate layer, for images in [-1, 1]."""

    def forward(self, images: Float[Tensor, "B 1 28 28"]) -> Float[Tensor, "B K"]:
        """Logits of the classes, for images in [-1, 1]."""
        logits: Tensor = self.head(self.features(images))
        return logits

    @torch.no_grad()
    def predict(self, pixels: UInt8[Tensor, "B 28 28"]) -> ClassifierOutput:
        """Features and probabilities, for grey levels 0 to 255."""
        device = self.head.weight.device
        features = torch.cat([self.features(to_unit(chunk.unsqueeze(1).to(device))) for chunk in pixels.split(500)])
        return ClassifierOutput(features.cpu(), self.head(features).softmax(1).cpu())

    def probabilities(self, pixels: UInt8[Tensor, "B 28 28"]) -> Float[Tensor, "B K"]:
        """Class probabilities, for grey levels 0 to 255."""
        return self.predict(pixels).probabilities


class DigitClassifier(Classifier):
    """Three convolutions and two linear layers, 0.44 million weights; by default for the digits."""

    def __init__(self, num_classes: int = len(DIGIT_NAMES)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 24, 5, stride=2, padding=2)
        self.conv2 = nn.Conv2d(24, 48, 3, padding=1)
        self.conv3 = nn.Conv2d(48, 64, 3, padding=1)
        self.fc = nn.Linear(64 * 7 * 7, 128)
        self.head = nn.Linear(128, num_classes)

    def features(self, images: Float[Tensor, "B 1 28 28"]) -> Float[Tensor, "B 128"]:
        """Penultimate layer, for images in [-1, 1]."""
        hidden = relu(self.conv1(images))  # [B, 24, 14, 14]
        hidden = max_pool2d(relu(self.conv2(hidden)), 2)  # [B, 48, 7, 7]
        hidden = relu(self.conv3(hidden))  # [B, 64, 7, 7]
        return relu(self.fc(hidden.flatten(1)))


AnyClassifier = TypeVar("AnyClassifier", bound=Classifier)


def load_classifier(path: Path = SHIPPED_WEIGHTS) -> DigitClassifier:
    """Frozen classifier, by default the shipped one.

    Raises:
        RunError: the file is missing, damaged, or holds another network.
    """
    return load_frozen(DigitClassifier(), path)


def load_frozen(classifier: AnyClassifier, path: Path) -> AnyClassifier:
    """Load the weights of a classifier, and freeze it in evaluation mode.

    Raises:
        RunError: the file is missing, damaged, or holds another network.
    """
    load_state(classifier, path)
    classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster; torch's stub omits it
    return classifier.eval().requires_grad_(False)


def accuracy(classifier: Classifier, images: LabeledImages) -> float:
    """Fraction of `images` that are classified correctly."""
    return (classifier.probabilities(images.pixels).argmax(1) == images.labels).double().mean().item()
