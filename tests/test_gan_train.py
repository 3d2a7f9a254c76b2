import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch
from conftest import write_idx
from PIL import Image
from torch import nn

from palingen import recipes
from palingen.adversarial import examples, players
from palingen.adversarial import steps as steps_module
from palingen.adversarial.experiment import GanRun
from palingen.adversarial.game import emulated, play
from palingen.adversarial.images import load_images, to_unit
from palingen.adversarial.latent import draw_images, draw_latents
from palingen.adversarial.losses import LOSSES
from palingen.adversarial.networks import PAIRS, mlp
from palingen.adversarial.penalties import PENALTIES
from palingen.adversarial.snapshots import read_moments
from palingen.adversarial.train import train
from palingen.adversarial.trained import load_generator
from palingen.cli.gan import Recipe
from palingen.errors import DataError, Interrupted, RunError
from palingen.runs import read_records
from palingen.weights import load_weights, save_weights

CPU = torch.device("cpu")


@pytest.fixture
def small(few_digits):
    """Two epochs of seven steps each: 200 images, 32 a step, 8 in the last."""
    return {"data": str(few_digits), "epochs": 2, "batch_size": 32, "save_interval": 5, "record_interval": 4}


def same_weights(one, other):
    a, b = (load_weights(folder / "weights.safetensors") for folder in (one, other))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_courses_networks_have_the_courses_layers():
    generator, discriminator = mlp(100, 1e-5)
    shapes = [(layer.in_features, layer.out_features) for layer in generator if isinstance(layer, nn.Linear)]
    assert shapes == [(100, 128), (128, 256), (256, 512), (512, 1024), (1024, 784)]
    assert [layer.num_features for layer in generator if isinstance(layer, nn.BatchNorm1d)] == [256, 512, 1024]
    shapes = [(layer.in_features, layer.out_features) for layer in discriminator if isinstance(layer, nn.Linear)]
    assert shapes == [(784, 512), (512, 256), (256, 1)]
    slopes = [layer.negative_slope for layer in [*generator, *discriminator] if isinstance(layer, nn.LeakyReLU)]
    assert slopes == [0.2] * 6
    assert sum(weight.numel() for weight in generator.parameters()) == 1_510_032
    assert sum(weight.numel() for weight in discriminator.parameters()) == 533_505


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_one_shared_pass_takes_the_very_steps_of_two_separate_ones(few_digits, scale):
    """The script's order to the letter: the generator's step, then the discriminator's on the same images."""
    torch.manual_seed(0)
    ours, script = [tuple(network.double() for network in mlp(10, 1e-5)) for _ in range(2)]
    for mine, its in zip(ours, script, strict=True):
        its.load_state_dict(mine.state_dict())
    pixels = load_images("train", str(few_digits)).pixels.unsqueeze(1)
    players = {who: [torch.optim.Adam(net.parameters(), 2e-4) for net in nets] for who, nets in
               (("ours", ours), ("script", script))}  # fmt: skip
    cross_entropy = nn.BCELoss()
    for step in range(5):
        real, latents = to_unit(pixels[step * 16 : step * 16 + 16]).double(), torch.randn(16, 10).double()
        play(*ours, LOSSES["non-saturating"], scale, real, latents)
        for player in players["ours"]:
            player.step()

        generator, discriminator = script
        valid, invalid = torch.ones(16).double(), torch.zeros(16).double()
        fake = generator(latents)
        players["script"][0].zero_grad()
        cross_entropy(discriminator(fake).sigmoid(), valid).backward()
        players["script"][0].step()
        players["script"][1].zero_grad()
        real_loss = cross_entropy(discriminator(real).sigmoid(), valid)
        fake_loss = cross_entropy(discriminator(fake.detach()).sigmoid(), invalid)
        (scale * (real_loss + fake_loss)).backward()
        players["script"][1].step()
    for mine, its in zip(ours, script, strict=True):
        for weight, same in zip(mine.state_dict().values(), its.state_dict().values(), strict=True):
            # Adam divides by the gradient's own size: where that is about 1e-12, its digits are rounding
            torch.testing.assert_close(weight, same, rtol=1e-8, atol=1e-9)


def test_a_run_keeps_grids_arrays_weights_and_records(tmp_path, small):
    result = train(GanRun(**small), tmp_path, CPU)
    assert sorted(path.name for path in (tmp_path / "snapshots").iterdir()) == [
        f"step-{step:07d}.png" for step in (0, 5, 7, 10, 14)
    ]
    moments = read_moments(tmp_path)
    assert {name: (pixels.shape, pixels.dtype) for name, pixels in moments.items()} == dict.fromkeys(
        ("start", "middle", "end"), ((25, 28, 28), np.dtype("uint8"))
    )
    assert len({pixels.tobytes() for pixels in moments.values()}) == 3
    for name in moments:
        with Image.open(tmp_path / f"{name}.png") as image:
            assert image.size == (592, 592)
    steps = [record for record in read_records(tmp_path) if record["kind"] == "step"]
    assert [record["step"] for record in steps] == [4, 8, 12, 14]
    assert all(0 <= record[f"{side}_accuracy"] <= 1 for record in steps for side in ("real", "fake"))
    assert (result["epochs"], result["steps"]) == (2, 14)


def test_each_moments_generator_draws_its_images_again(tmp_path, small):
    config = GanRun(**small)
    train(config, tmp_path, CPU)
    latents = draw_latents(25, config.latent_dim, config.seed)
    for moment, pixels in read_moments(tmp_path).items():
        generator, loaded = load_generator(tmp_path, moment)
        assert loaded == config
        assert np.array_equal(draw_images(generator, latents).numpy(), pixels)


EVERYTHING = {
    "conditional": True,
    "loss": "relativistic",
    "penalty": "r1-r2",
    "gamma_decay": 0.1,
    "learning_rate_decay": 0.1,
    "beta2_end": 0.9,
    "warm_up": 0.5,
    "average_steps": 3,
    "precision": "bfloat16",
    "latent_dim": 8,
    "watch_samples": 100,
}


@pytest.mark.parametrize("pair", ["mlp", "conv"])
@pytest.mark.parametrize("penalty", ["r1-r2", "gradient"])
def test_a_stopped_run_with_every_setting_goes_on_to_the_very_same_weights(tmp_path, small, monkeypatch, pair, penalty):
    monkeypatch.setattr(players, "SETTLING", 100)
    config = GanRun(**{**small, **EVERYTHING, "pair": pair, "penalty": penalty})
    if pair == "conv":
        config = replace(config, precision="float32")  # not every processor is quick at convolutions in bfloat16
    name = "play" if penalty == "gradient" else "play_by_pieces"
    stop_and_go_on(config, tmp_path, monkeypatch, name, steps=9)
    one, other = (load_weights(tmp_path / run / "end.safetensors") for run in ("whole", "stopped"))
    assert all(torch.equal(one[name], other[name]) for name in one)  # the averaged generator


@pytest.mark.parametrize("steps", [1, 6, 9])
def test_a_stopped_run_goes_on_to_the_very_same_weights_and_records(tmp_path, small, monkeypatch, steps):
    stop_and_go_on(GanRun(**small), tmp_path, monkeypatch, "play", steps)


@pytest.mark.parametrize(("precision", "arithmetic"), [("bfloat16", False), ("bfloat16", True), ("float32", False)])
def test_a_processor_without_bfloat16_arithmetic_is_told_of(
    tmp_path, small, monkeypatch, capsys, precision, arithmetic
):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: arithmetic)
    train(GanRun(**{**small, "epochs": 1, "precision": precision}), tmp_path, CPU)
    told = "--precision float32 is faster" in capsys.readouterr().err
    assert told == (precision == "bfloat16" and not arithmetic)


def test_a_torch_without_onednn_has_no_word_on_bfloat16(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    monkeypatch.setattr(torch.ops, "mkldnn", None)
    assert not emulated("bfloat16", CPU)


def stop_and_go_on(config, tmp_path, monkeypatch, step, steps):
    """Train once at a stretch, once stopped after some steps; hold weights and records against each other."""
    train(config, tmp_path / "whole", CPU)
    played, done = getattr(steps_module, step), []

    def stopped(*arguments, **named):
        done.append(None)
        if len(done) == steps:
            signal.raise_signal(signal.SIGINT)
        return played(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(steps_module, step, stopped)
        with pytest.raises(Interrupted):
            train(config, tmp_path / "stopped", CPU)
    train(config, tmp_path / "stopped", CPU)
    assert same_weights(tmp_path / "whole", tmp_path / "stopped")
    whole, again = (read_records(tmp_path / name)[:-1] for name in ("whole", "stopped"))
    assert whole == again


def test_a_run_killed_outright_goes_on_from_its_checkpoint_to_the_very_same_weights(tmp_path, small):
    config = GanRun(**{**small, "epochs": 10})
    train(config, tmp_path / "whole", CPU)
    script = (
        "import sys; from pathlib import Path; import torch; from palingen import loop;"
        "from palingen.adversarial.experiment import GanRun; from palingen.adversarial.train import train;"
        "loop.CHECKPOINT_EVERY = 0;"
        f"train(GanRun(**{{**{small!r}, 'epochs': 10}}), Path(sys.argv[1]), torch.device('cpu'))"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "killed")], stderr=subprocess.DEVNULL)
    records = tmp_path / "killed" / "records.jsonl"
    deadline = time.monotonic() + 60
    while not (records.exists() and records.stat().st_size > 500) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "killed" / "weights.safetensors").exists()
    train(config, tmp_path / "killed", CPU)
    assert same_weights(tmp_path / "whole", tmp_path / "killed")
    whole, again = (read_records(tmp_path / name)[:-1] for name in ("whole", "killed"))
    assert whole == again


def test_a_single_last_image_is_left_out(tmp_path, small):
    assert train(GanRun(**{**small, "batch_size": 199, "epochs": 1}), tmp_path, CPU)["steps"] == 1


def test_a_single_image_is_too_few_to_train_on(tmp_path):
    for part, shape in (("images-idx3", (1, 28, 28)), ("labels-idx1", (1,))):
        write_idx(tmp_path / f"train-{part}-ubyte.gz", np.zeros(shape, np.uint8))
    with pytest.raises(DataError, match="at least 2 examples, and there are 1"):
        train(GanRun(data=str(tmp_path)), tmp_path / "run", CPU)


def test_weights_of_another_network_are_named(tmp_path, small):
    train(GanRun(**{**small, "epochs": 1}), tmp_path, CPU)
    save_weights(tmp_path / "end.safetensors", {"x": torch.ones(1)}, GanRun())
    with pytest.raises(RunError, match="does not hold this run's generator"):
        load_generator(tmp_path)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_stopped_run_by_hand_goes_on_to_the_very_same_weights(tmp_path, small, monkeypatch, precision):
    config = GanRun(**small, engine="by-hand", precision=precision)
    stop_and_go_on(config, tmp_path, monkeypatch, "set_adam", steps=9)


def test_by_hand_a_run_learns_what_it_learns_by_autograd(tmp_path, small):
    for engine in ("autograd", "by-hand"):
        train(GanRun(**{**small, "epochs": 1}, engine=engine), tmp_path / engine, CPU)
    one, other = (load_weights(tmp_path / engine / "weights.safetensors") for engine in ("autograd", "by-hand"))
    assert one.keys() == other.keys()
    for name in one:  # seven steps of at most 2e-4 each; the sign of a gradient near zero may differ
        torch.testing.assert_close(other[name], one[name], rtol=1e-2, atol=4e-4)


def test_watching_is_recorded_as_rough_and_changes_no_weight(tmp_path, small):
    train(GanRun(**small), tmp_path / "watched", CPU)
    train(GanRun(**small, watch_samples=0), tmp_path / "unwatched", CPU)
    assert same_weights(tmp_path / "watched", tmp_path / "unwatched")
    watched = [record for record in read_records(tmp_path / "watched") if record["kind"] == "watch"]
    assert [record["epoch"] for record in watched] == [1, 2]
    assert all((record["n"], record["against"]) == (200, "training images") for record in watched)
    assert all(record["fd"] > 0 and 0 <= record["coverage"] <= 1 and 0 <= record["recall"] <= 1 for record in watched)
    assert not [record for record in read_records(tmp_path / "unwatched") if record["kind"] == "watch"]


def test_a_run_that_diverges_stops_in_one_line_that_names_what_to_change(tmp_path, small):
    with pytest.raises(RunError, match="no longer a finite number; try a smaller --learning-rate") as stop:
        train(GanRun(**{**small, "loss": "wasserstein", "learning_rate": 1e30}), tmp_path, CPU)
    assert "\n" not in str(stop.value)


def test_the_average_is_what_is_kept_and_what_batchnorm_needs_comes_with_it(tmp_path, small):
    config = GanRun(**small, average_steps=1000)
    train(config, tmp_path, CPU)
    last = load_weights(tmp_path / "weights.safetensors")
    kept = load_weights(tmp_path / "end.safetensors")
    assert not torch.equal(kept["0.weight"], last["generator.0.weight"])
    generator, _ = load_generator(tmp_path)
    hidden = nn.Sequential(*list(generator)[:3])(draw_latents(players.SETTLING, 100, 0))
    torch.testing.assert_close(generator[3].running_mean, hidden.mean(0), rtol=1e-3, atol=1e-4)


def test_stacked_digits_train_and_their_modes_are_watched(tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "STACKED", 240)
    result = train(GanRun(data="stacked", epochs=1, batch_size=60, watch_samples=200), tmp_path, CPU)
    assert result["steps"] == 4
    assert read_moments(tmp_path)["end"].shape == (25, 28, 84)
    (watched,) = (record for record in read_records(tmp_path) if record["kind"] == "watch")
    assert 1 <= watched["modes"] <= 200
    assert watched["reverse_kl"] > 0


def test_registries_and_literals_name_the_same():
    hints = get_type_hints(GanRun)
    assert set(get_args(hints["loss"])) == set(LOSSES)
    assert set(get_args(hints["pair"])) == set(PAIRS)
    assert set(get_args(hints["penalty"])) == {"none", *PENALTIES}
    assert set(get_args(Recipe)) == set(recipes.GAN)
