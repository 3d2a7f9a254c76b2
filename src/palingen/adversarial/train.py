"""One game of generator against discriminator: its loop."""

import sys
from pathlib import Path
from typing import Any

import torch

from palingen.adversarial.album import Album
from palingen.adversarial.examples import load_examples
from palingen.adversarial.experiment import GanRun
from palingen.adversarial.game import emulated
from palingen.adversarial.players import Players
from palingen.loop import Loop, Means
from palingen.runs import Run, open_run
from palingen.team import Team

LOOKS = ("generator_loss", "discriminator_loss", "real_accuracy", "fake_accuracy")
"""What a record says of the steps since the one before it, averaged; the penalty is not part of the loss.

Accuracy is a matter of logits above or below 0, which a relativistic or a Wasserstein discriminator may put anywhere.
"""


def train(
    config: GanRun, folder: Path, device: torch.device, *, force: bool = False, team: Team | None = None
) -> dict[str, Any]:
    """Train in `folder`, or go on where it stopped; the result record of the finished run.

    With a team, each process takes its share of every batch; the first one writes.

    Raises:
        DataError: the images are missing or damaged.
        RunError: the folder is not this run's.
        Diverged: a loss is no longer a number.
        Interrupted: Ctrl-C; everything is saved.
    """
    team = team or Team(device)
    if not team.leads:
        team.wait()
    with open_run(folder, config, force=force, leads=team.leads) as run:
        if team.leads:
            team.wait()  # now the others find the folder as it should be
        return run.result if run.finished else _train(config, run, team)


def _train(config: GanRun, run: Run, team: Team) -> dict[str, Any]:
    if team.leads and emulated(config.precision, team.device):
        print("gan: this processor has no bfloat16 arithmetic, --precision float32 is faster", file=sys.stderr)
    examples = load_examples(config.data, team.device)
    players = Players(config, examples, team)
    means = Means(*LOOKS, device=team.device, team=team)
    loop = Loop(
        run,
        "gan",
        examples=len(examples),
        batch_size=config.batch_size,
        epochs=config.epochs,
        seed=config.seed,
        device=team.device,
        smallest=2 * team.size,  # BatchNorm needs two images
        team=team,
        parts={**players.parts, "means": means},
    )
    album = Album(run, players, examples, loop.total) if team.leads else None
    if album and loop.first == 0:
        album.begin()
    for batch in loop:
        told = players.step(batch.examples, batch.step, batch.step / loop.total)
        means.add(*told, weight=len(team.share(batch.examples)) / len(batch.examples))
        if batch.step % config.record_interval == 0 or batch.step == loop.total:
            last = means.take()
            run.record("step", step=batch.step, epoch=batch.step / loop.steps_an_epoch, **last)
            loop.show(batch, told_real=last["real_accuracy"], told_fake=last["fake_accuracy"])
        if album:
            album.look(batch)
    team.check_same([*players.generator.parameters(), *players.discriminator.parameters()])
    ended = {"epochs": config.epochs, "steps": loop.total, "seed": config.seed, "seconds": loop.seconds}
    return run.finish(players.weights, **ended, **last)
