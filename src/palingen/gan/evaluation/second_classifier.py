"""Second frozen classifier, of another architecture: it takes no part in training or choosing, and only reports.

A generator whose settings were chosen with the first classifier's features may suit those features better than others.

B  images
"""

from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu

from palingen.gan.data.mnist import DIGIT_NAMES
from palingen.gan.evaluation.classifier import Classifier, load_frozen
from palingen.runtime.paths import PRETRAINED_DIR

SECOND_WEIGHTS = PRETRAINED_DIR / "second-classifier.safetensors"
"""Weights of the shipped second classifier, made by `palingen classifier train --recipe second`."""

WIDTHS = (24, 48, 96)
"""Channels of the blocks, at 14 x 14, 7 x 7 and 4 x 4 pixels."""


class ResidualBlock(nn.Module):
    """Two convolutions with BatchNorm beside a 1 x 1 shortcut (He et al. 2016)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride=stride)

    def forward(self, features: Float[Tensor, "B in_channels H W"]) -> Float[Tensor, "B out_channels h w"]:
        """Height and width are divided by the stride."""
        hidden = relu(self.norm1(self.conv1(features)))
        return relu(self.norm2(self.conv2(hidden)) + self.shortcut(features))


class ResidualClassifier(Classifier):
    """Three residual blocks and the mean over all pixels, 0.16 million weights; by default for the digits."""

    def __init__(self, num_classes: int = len(DIGIT_NAMES)) -> None:
        super().__init__()
        first, middle, last = WIDTHS
        self.stem = nn.Conv2d(1, first, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(
            ResidualBlock(first, first, 1), ResidualBlock(first, middle, 2), ResidualBlock(middle, last, 2)
        )
        self.head = nn.Linear(last, num_classes)

    def features(self, images: Float[Tensor, "B 1 28 28"]) -> Float[Tensor, "B 96"]:
        """Penultimate layer, for images in [-1, 1]."""
        hidden: Tensor = self.blocks(relu(self.stem(images)))  # [B, 96, 4, 4]
        return hidden.mean((2, 3))


def load_second_classifier(path: Path = SECOND_WEIGHTS) -> ResidualClassifier:
    """Frozen second classifier, by default the shipped one.

    Raises:
        RunError: the file is missing, damaged, or holds another network.
    """
    return load_frozen(ResidualClassifier(), path)
