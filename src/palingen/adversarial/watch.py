"""A look at a generator while it trains: cheap, rough, and loud if classes collapse."""

import sys
from dataclasses import asdict
from functools import cached_property

import torch
from torch import Generator, nn

from palingen.adversarial import metrics
from palingen.adversarial.examples import Examples
from palingen.adversarial.experiment import CLASSES, GanRun
from palingen.adversarial.judge import Judge, Look, load_judge
from palingen.adversarial.latent import draw_images, draw_latents, with_classes
from palingen.adversarial.stacked import count_modes, numbers
from palingen.runs import Run

SEEN = 0.01
"""A class with a smaller share of the images counts as lost."""

ALARMED_FROM = 5
"""Epochs; before them many a generator has not found all classes yet."""


def due(epoch: int, last: int) -> bool:
    """Whether to look after this epoch: 1, 2, 5, 10, 20, 50, ... and the last."""
    return epoch == last or (str(epoch)[0] in "125" and int(str(epoch)[1:] or 0) == 0)


class Watch:
    """Compares some of the generator's images with as many of the training images."""

    def __init__(self, config: GanRun, examples: Examples) -> None:
        self.config, self.examples = config, examples
        self.count = min(config.watch_samples, len(examples))
        self.chosen = torch.randperm(len(examples), generator=Generator().manual_seed(0))[: self.count]
        labels = examples.labels[self.chosen.to(examples.labels.device)].cpu() if config.conditional else None
        self.inputs = with_classes(draw_latents(self.count, config.latent_dim, config.seed), labels, config.classes)

    @cached_property
    def judge(self) -> Judge:
        """The shipped one, once it is needed."""
        return load_judge()

    @cached_property
    def real(self) -> Look:
        """What it sees in the training images."""
        pixels = self.examples.pixels(self.chosen.to(self.examples.labels.device)).cpu()
        return self.judge.look(pixels.squeeze(1))

    def look(self, run: Run, generator: nn.Module, epoch: int) -> None:
        """Record what there is to see after an epoch; say so on standard error if classes have gone."""
        pixels = draw_images(generator, self.inputs)
        if self.config.channels == 3:
            modes = count_modes(numbers(self.judge, pixels.unflatten(2, (3, -1)).transpose(1, 2)))
            run.record("watch", epoch=epoch, **asdict(modes))
            return
        seen = self.judge.look(pixels)
        shares, real_shares = (metrics.class_shares(look.probabilities) for look in (seen, self.real))
        support = metrics.support(self.real.features, seen.features)
        run.record(
            "watch",
            epoch=epoch,
            n=self.count,
            against="training images",
            fd=metrics.frechet_distance(self.real.features, seen.features),
            coverage=support.coverage,
            recall=support.recall,
            class_tv=metrics.total_variation(shares, real_shares),
        )
        lost = [digit for digit in range(CLASSES) if shares[digit] < SEEN <= real_shares[digit]]
        if lost and epoch >= ALARMED_FROM:
            names = ", ".join(map(str, lost))
            print(f"gan: alarm after epoch {epoch}: hardly any {names} in {self.count} images", file=sys.stderr)
