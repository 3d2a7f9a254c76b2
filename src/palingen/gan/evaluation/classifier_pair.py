"""Both classifiers at once: the first, which all metrics but one are computed from, and the second, which only reports.

B  images      F  features
"""

from dataclasses import dataclass

from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from palingen.gan.evaluation.classifier import Classifier, ClassifierOutput
from palingen.runtime.safetensors_io import hash_tensors


@dataclass(frozen=True)
class PairOutput:
    """Outputs of both classifiers for the same images."""

    first: ClassifierOutput

    second_features: Float[Tensor, "B F"] | None
    """None if there is no second classifier."""

    def select(self, indices: Int64[Tensor, " b"]) -> "PairOutput":
        """Outputs of the images at `indices`."""
        second_features = None if self.second_features is None else self.second_features[indices]
        return PairOutput(self.first.select(indices), second_features)


@dataclass(frozen=True)
class ClassifierPair:
    """First classifier, and the second if it may be used: not where something is chosen by the score."""

    first: Classifier
    second: Classifier | None

    def predict(self, pixels: UInt8[Tensor, "B 28 28"]) -> PairOutput:
        """Outputs of both, for grey levels 0 to 255."""
        return PairOutput(self.first.predict(pixels), self.second_features(pixels))

    def second_features(self, pixels: UInt8[Tensor, "B 28 28"]) -> Float[Tensor, "B F"] | None:
        """Features of the second classifier, for grey levels 0 to 255."""
        return None if self.second is None else self.second.predict(pixels).features

    def hashes(self) -> dict[str, str | None]:
        """SHA-256 of the weights of each."""
        both = {"classifier": self.first, "second_classifier": self.second}
        return {name: None if network is None else hash_tensors(network.state_dict()) for name, network in both.items()}
