"""One game of generator against discriminator: its loop.

B  images      Z  latent dimensions      K  classes
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from palingen.adversarial.averaging import Average, settle
from palingen.adversarial.examples import batch as batch_of
from palingen.adversarial.examples import load_examples
from palingen.adversarial.experiment import GanRun, networks
from palingen.adversarial.latent import draw_latents, with_classes
from palingen.adversarial.penalties import BETWEEN
from palingen.adversarial.snapshots import Moment, keep
from palingen.adversarial.steps import Steps
from palingen.adversarial.watch import Watch, due
from palingen.loop import Loop, Means, Noise, Stateful
from palingen.runs import Run, open_run
from palingen.team import Team

SHOWN = 25
"""Images of a snapshot, always from the same latents."""

FEWEST = 100
"""With fewer images there is nothing to watch."""

SETTLING = 10_000
"""Latents over which an averaged generator's BatchNorm statistics are taken."""

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
    device = team.device
    examples = load_examples(config.data, device)
    generator, discriminator = (_on(device, network) for network in networks(config))
    if config.conditional:
        occurring = torch.bincount(examples.labels, minlength=config.classes) / len(examples)
        generator.get_buffer("class_shares").copy_(occurring)
    steps = Steps(config, generator, discriminator)
    average = Average(generator, config.average_steps) if config.average_steps else None
    noise = Noise(config.seed, device)
    means = Means(*LOOKS, device=device, team=team)
    parts: dict[str, Stateful] = {
        "generator": generator,
        "discriminator": discriminator,
        "of_generator": steps.of_generator,
        "of_discriminator": steps.of_discriminator,
        "noise": noise,
        "means": means,
    }
    if average:
        parts["average"] = average
    loop = Loop(
        run,
        "gan",
        examples=len(examples),
        batch_size=config.batch_size,
        epochs=config.epochs,
        seed=config.seed,
        device=device,
        smallest=2 * team.size,  # BatchNorm needs two images
        team=team,
        parts=parts,
    )
    labels = torch.arange(SHOWN) % config.classes if config.conditional else None
    shown = with_classes(draw_latents(SHOWN, config.latent_dim, config.seed), labels, config.classes)
    moments: dict[int, Moment] = {0: "start", loop.total // 2: "middle", loop.total: "end"}
    watch = Watch(config, examples) if team.leads and min(config.watch_samples, len(examples)) >= FEWEST else None
    if loop.first == 0 and team.leads:
        keep(run, generator, shown, 0, "start")
    for batch in loop:
        done = batch.step / loop.total
        count, own = len(batch.examples), team.share(batch.examples)
        real = batch_of(examples, own)
        labels = examples.labels[own] if config.conditional else None
        latents = with_classes(team.share(noise.draw(count, config.latent_dim)), labels, config.classes)
        uniform = torch.special.ndtr(team.share(noise.draw(count))) if config.penalty in BETWEEN else None
        means.add(*steps.play(real, latents, labels, uniform, done), weight=len(own) / count)
        steps.gather(team, len(own) / count)
        steps.move(done)
        if average:
            average.update(generator, batch.step)
        if batch.step % config.record_interval == 0 or batch.step == loop.total:
            told = means.take()
            run.record("step", step=batch.step, epoch=batch.step / loop.steps_an_epoch, **told)
            loop.show(batch, told_real=told["real_accuracy"], told_fake=told["fake_accuracy"])
        if team.leads and (batch.step % config.save_interval == 0 or batch.step in moments):
            keep(run, _settled(average, generator, config), shown, batch.step, moments.get(batch.step))
        if watch and batch.ends_epoch and due(batch.epoch, config.epochs):
            watch.look(run, _settled(average, generator, config), batch.epoch)

    team.check_same([*generator.parameters(), *discriminator.parameters()])
    weights = {f"generator.{name}": tensor for name, tensor in generator.state_dict().items()}
    weights |= {f"discriminator.{name}": tensor for name, tensor in discriminator.state_dict().items()}
    return run.finish(weights, epochs=config.epochs, steps=loop.total, seed=config.seed, seconds=loop.seconds, **told)


def _on(device: torch.device, network: nn.Module) -> nn.Module:
    # channels last is what the convolutions of a processor are several times as fast in, half precision above all
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _settled(average: Average | None, generator: nn.Module, config: GanRun) -> nn.Module:
    """The generator to look at: the averaged one with fresh BatchNorm statistics, else the one that plays."""
    if average is None:
        return generator
    latents = draw_latents(SETTLING, config.latent_dim, config.seed)
    labels = torch.arange(SETTLING) % config.classes if config.conditional else None
    device = next(generator.parameters()).device
    settle(average.network, with_classes(latents, labels, config.classes).to(device).split(500))
    return average.network
