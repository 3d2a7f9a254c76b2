"""Small classifiers whose features the Frechet loss compares. They are trained for that loss, and never score images.

Each differs from the classifiers of the scores in depth, pooling and nonlinearity: a generator that only suits their
features gains nothing in the scores.

B  images      F  features      K  classes
"""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import elu, max_pool2d, relu

Images = Float[Tensor, "B 1 28 28"]
Features = Float[Tensor, "B F"]


class FeatureNetwork(nn.Module, ABC):
    """Convolutions and a linear layer, whose output are the features, before a linear classifier, `head`."""

    head: nn.Linear

    @abstractmethod
    def features(self, images: Images) -> Features:
        """Penultimate layer, for images in [-1, 1]."""

    def forward(self, images: Images) -> Float[Tensor, "B K"]:
        """Logits of the classes, for images in [-1, 1]."""
        logits: Tensor = self.head(self.features(images))
        return logits


class PooledNetwork(FeatureNetwork):
    """Three 3 x 3 convolutions with max pooling and ELU, from full resolution on."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.conv3 = nn.Conv2d(64, 64, 3, padding=1)
        self.fc, self.head = nn.Linear(64 * 7 * 7, 128), nn.Linear(128, num_classes)

    def features(self, images: Images) -> Features:
        """Penultimate layer, for images in [-1, 1]."""
        hidden = elu(max_pool2d(self.conv1(images), 2))  # [B, 32, 14, 14]
        hidden = elu(max_pool2d(self.conv2(hidden), 2))  # [B, 64, 7, 7]
        return elu(self.fc(elu(self.conv3(hidden)).flatten(1)))


class StridedNetwork(FeatureNetwork):
    """Two strided 5 x 5 convolutions, and bounded features."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 5, stride=2, padding=2)
        self.conv2 = nn.Conv2d(32, 64, 5, stride=2, padding=2)
        self.fc, self.head = nn.Linear(64 * 7 * 7, 128), nn.Linear(128, num_classes)

    def features(self, images: Images) -> Features:
        """Penultimate layer, for images in [-1, 1]."""
        hidden = relu(self.conv2(relu(self.conv1(images))))  # [B, 64, 7, 7]
        return self.fc(hidden.flatten(1)).tanh()


class DeepNetwork(FeatureNetwork):
    """A strided 7 x 7 convolution, three 3 x 3 ones, and sparse features."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 24, 7, stride=2, padding=3)
        self.conv2 = nn.Conv2d(24, 48, 3, padding=1)
        self.conv3 = nn.Conv2d(48, 96, 3, stride=2, padding=1)
        self.conv4 = nn.Conv2d(96, 96, 3, padding=1)
        self.fc, self.head = nn.Linear(96 * 7 * 7, 96), nn.Linear(96, num_classes)

    def features(self, images: Images) -> Features:
        """Penultimate layer, for images in [-1, 1]."""
        hidden = relu(self.conv2(relu(self.conv1(images))))  # [B, 48, 14, 14]
        hidden = relu(self.conv4(relu(self.conv3(hidden))))  # [B, 96, 7, 7]
        return relu(self.fc(hidden.flatten(1)))


FEATURE_NETWORKS: tuple[type[FeatureNetwork], ...] = (PooledNetwork, StridedNetwork, DeepNetwork)
"""Networks of the Frechet loss, one of each."""
