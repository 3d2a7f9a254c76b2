import pytest
import torch
from torch import nn

from palingen.gan import trainer as trainer_module
from palingen.gan.config import GanConfig
from palingen.gan.data.datasets import load_dataset
from palingen.gan.models import ARCHITECTURES, Networks, mlp
from palingen.gan.sampling.latents import sample_latents
from palingen.gan.steps.manual import ManualStep
from palingen.gan.steps.penalty_jvp import PenaltyJvpStep
from palingen.gan.trainer import GanTrainer
from palingen.runtime.distributed import ProcessGroup
from palingen.runtime.errors import ConfigError

CPU = torch.device("cpu")


@pytest.fixture
def make_trainer(few_digits):
    def make(engine="auto", **settings):
        config = GanConfig(data=str(few_digits), latent_dim=8, **settings)
        return GanTrainer(config, load_dataset(config.data, CPU), ProcessGroup(CPU), engine)

    return make


def test_the_step_is_chosen_when_the_trainer_is_built(make_trainer):
    assert make_trainer().engine == "native"
    assert isinstance(make_trainer("manual").train_step, ManualStep)
    assert isinstance(make_trainer(penalty="r1").train_step, PenaltyJvpStep)
    assert make_trainer("autograd").engine == "autograd"


def test_an_engine_that_does_not_support_the_config_is_refused_before_any_step(make_trainer):
    with pytest.raises(ConfigError, match=r"^engine='manual': supports no gradient penalty; choose engine='auto'$"):
        make_trainer("manual", penalty="r1")


def test_an_architecture_with_batchnorm_in_the_discriminator_is_refused(make_trainer, monkeypatch):
    def with_batchnorm(latent_dim, batchnorm_eps, channels, num_classes):
        generator, _ = mlp(latent_dim, batchnorm_eps, channels, num_classes)
        return Networks(generator, nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784), nn.Linear(784, 1), nn.Flatten(0)))

    monkeypatch.setitem(ARCHITECTURES, "mlp", with_batchnorm)
    with pytest.raises(ConfigError, match="discriminator: layer '1' is BatchNorm1d"):
        make_trainer()


@pytest.mark.parametrize("engine", ["autograd", "manual", "native"])
def test_a_step_changes_all_weights_of_both_networks(make_trainer, engine):
    trainer = make_trainer(engine)
    before = {name: tensor.clone() for name, tensor in trainer.weights.items()}
    trainer.step(torch.arange(32), number=1, progress=0.01)
    assert not [name for name, tensor in trainer.weights.items() if torch.equal(tensor, before[name])]


def test_the_learning_rate_of_a_step_follows_the_schedule(make_trainer):
    trainer = make_trainer(learning_rate=1e-3, lr_final_ratio=0.1)
    trainer.step(torch.arange(32), number=1, progress=1.0)
    assert [group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups] == pytest.approx(
        [1e-4, 1e-4]
    )


def test_the_state_restores_a_trainer_that_continues_bit_for_bit(make_trainer):
    settings = {"architecture": "conv", "penalty": "r1-r2", "conditional": True, "ema_half_life": 3}
    first, second = make_trainer(**settings), make_trainer(**settings)
    first.step(torch.arange(32), number=1, progress=0.1)
    for name, part in second.state.items():
        part.load_state_dict(first.state[name].state_dict())
    for trainer in (first, second):
        trainer.step(torch.arange(32, 64), number=2, progress=0.2)
    assert all(torch.equal(tensor, second.weights[name]) for name, tensor in first.weights.items())
    averages = first.ema.state_dict(), second.ema.state_dict()
    assert all(torch.equal(tensor, averages[1][name]) for name, tensor in averages[0].items())


def test_a_conditional_generator_keeps_the_class_frequencies_of_the_training_images(make_trainer):
    trainer = make_trainer(conditional=True)
    expected = torch.bincount(trainer.dataset.labels, minlength=10) / 200
    assert torch.equal(trainer.generator.class_frequencies, expected)


def test_without_ema_images_are_sampled_from_the_trained_generator(make_trainer):
    trainer = make_trainer()
    assert trainer.sampling_generator() is trainer.generator


def test_a_gain_multiplies_the_output_that_is_sampled_and_leaves_the_trained_weights_alone(make_trainer):
    settings = {"architecture": "residual", "generator_output": "linear", "ema_half_life": 3}
    plain, amplified = make_trainer(**settings), make_trainer(output_gain=1.02, **settings)
    for trainer in (plain, amplified):
        trainer.step(torch.arange(32), number=1, progress=0.5)
    assert all(torch.equal(tensor, amplified.weights[name]) for name, tensor in plain.weights.items())
    latents = sample_latents(50, 8, 0)
    images = plain.sampling_generator()(latents)
    torch.testing.assert_close(amplified.sampling_generator()(latents), 1.02 * images)
    assert torch.equal(amplified.ema.network(latents), images)


def test_with_ema_images_are_sampled_from_averaged_weights_with_their_own_batchnorm_statistics(
    make_trainer, monkeypatch
):
    monkeypatch.setattr(trainer_module, "BN_SAMPLES", 1000)
    trainer = make_trainer(ema_half_life=1000)
    for number in range(1, 5):
        trainer.step(torch.arange(32), number, number / 4)
    generator = trainer.sampling_generator()
    assert not torch.equal(generator[0].weight, trainer.generator[0].weight)
    hidden = nn.Sequential(*list(generator)[:3])(sample_latents(1000, 8, 0))
    torch.testing.assert_close(generator[3].running_mean, hidden.mean(0), rtol=1e-3, atol=1e-4)
