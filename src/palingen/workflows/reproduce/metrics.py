"""Compared metrics: their titles, their units, and the tolerances of numbers without a spread."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One metric of the report."""

    title: str

    tolerance: float = 0.0
    """Largest difference that counts as agreement where no spread is recorded, in the unit."""

    unit: str = ""
    """Unit; of a fraction, %."""

    relative: float = 0.0
    """Largest difference that counts as agreement, as a fraction of the recorded number."""

    is_timing: bool = False
    """Whether it depends on the machine and what else ran on it, and is not judged."""

    @property
    def scale(self) -> float:
        """Factor from the recorded number to the unit."""
        return 100.0 if self.unit == "%" else 1.0


# The tolerance is half of the last digit that the report prints, so that within it the report prints nearly the same.
# An accuracy is on 2,000 palindromes; half a percent is half the way from perfect to not learned.
METRICS = {
    "accuracy": Metric("accuracy, best weights", 0.5, "%"),
    "final_accuracy": Metric("accuracy, last weights", 0.5, "%"),
    "learned": Metric("seeds that learned the task", 0.0, "%"),
    "first_learned": Metric("first epoch with 99 %"),
    "lost_epochs": Metric("epochs in which the task was lost"),
    "best_epoch": Metric("epoch of the best weights"),
    "best_loss": Metric("loss of the best weights", relative=0.05),
    "gradient_norm": Metric("largest gradient norm", 0.5),
    "steps": Metric("training steps"),
    "seconds": Metric("seconds of a run", unit="s", is_timing=True),
    "retention": Metric("gradient at the first step over that at the last", relative=0.05),
    "lowest_retention": Metric("lowest gradient over that at the last step", relative=0.05),
    "forget_mean": Metric("mean of the forget gates", 0.005),
    "forget_max": Metric("forget gate of the most open unit", 0.005),
    "forget_product": Metric("largest product of a unit's forget gates", relative=0.05),
    "open_units": Metric("units with an open forget gate"),
    "half_life": Metric("longest half-life of a unit's forget gates, steps", relative=0.05),
    "parameters": Metric("parameters"),
    "real_accuracy": Metric("discriminator's accuracy on real images", 0.5, "%"),
    "fake_accuracy": Metric("discriminator's accuracy on generated images", 0.5, "%"),
    "mean_accuracy": Metric("discriminator's accuracy", 0.5, "%"),
    "lowest_accuracy": Metric("discriminator's lowest accuracy", 0.5, "%"),
    "discriminator_loss": Metric("discriminator's loss", 0.005),
    "fd": Metric("Fréchet distance", 0.05),
    "fd_second": Metric("Fréchet distance, second classifier", 0.0005),
    "kid": Metric("kernel distance", 0.05),
    "precision": Metric("precision", 0.005),
    "recall": Metric("recall", 0.005),
    "density": Metric("density", 0.005),
    "coverage": Metric("coverage", 0.005),
    "class_tv": Metric("class imbalance", 0.05, "%"),
    "mean_confidence": Metric("mean confidence", 0.05, "%"),
    "low_confidence_fraction": Metric("unclear images", 0.05, "%"),
    "nearest_train_ratio": Metric("distance to the nearest training image", 0.005),
    "class_accuracy": Metric("class accuracy", 0.05, "%"),
    "finished": Metric("seeds that finished", 0.0, "%"),
    "modes": Metric("modes of 1,000"),
    "reverse_kl": Metric("reverse KL", 0.0005),
    "first_class": Metric("first class"),
    "last_class": Metric("last class"),
    "change": Metric("image at which the class changes"),
    "lowest_confidence": Metric("lowest confidence", 0.5, "%"),
    "least_confident": Metric("least confident image"),
}
"""Metrics by the name of their field or function."""
