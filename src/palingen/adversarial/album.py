"""What a run keeps of its generator on the way: grids, three moments, rough scores."""

import torch

from palingen.adversarial.examples import Examples
from palingen.adversarial.latent import draw_latents, with_classes
from palingen.adversarial.players import Players
from palingen.adversarial.snapshots import Moment, keep
from palingen.adversarial.watch import Watch, due
from palingen.loop import Batch
from palingen.runs import Run

SHOWN = 25
"""Images of a snapshot, always from the same latents."""

FEWEST = 100
"""With fewer images there is nothing to watch."""


class Album:
    """Looks at the players when it is time."""

    def __init__(self, run: Run, players: Players, examples: Examples, total: int) -> None:
        config = players.config
        self.run, self.players, self.config = run, players, config
        labels = torch.arange(SHOWN) % config.classes if config.conditional else None
        self.inputs = with_classes(draw_latents(SHOWN, config.latent_dim, config.seed), labels, config.classes)
        self.moments: dict[int, Moment] = {0: "start", total // 2: "middle", total: "end"}
        self.watch = Watch(config, examples) if min(config.watch_samples, len(examples)) >= FEWEST else None

    def begin(self) -> None:
        """Keep the untrained generator."""
        keep(self.run, self.players.generator, self.inputs, 0, "start")

    def look(self, batch: Batch) -> None:
        """Keep and watch what is due after a step."""
        step = batch.step
        if step % self.config.save_interval == 0 or step in self.moments:
            keep(self.run, self.players.drawing(), self.inputs, step, self.moments.get(step))
        if self.watch and batch.ends_epoch and due(batch.epoch, self.config.epochs):
            self.watch.look(self.run, self.players.drawing(), batch.epoch)
