import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from support import DIVERGING, write_idx

from palingen.gan import trainer as trainer_module
from palingen.gan.config import GanConfig
from palingen.gan.data import datasets
from palingen.gan.data.mnist import load_images, write_images
from palingen.gan.evaluation.monitor import Monitor
from palingen.gan.pretrained import load_generator
from palingen.gan.sampling.latents import generate_pixels
from palingen.gan.sampling.snapshots import read_snapshots, snapshot_inputs
from palingen.gan.train import train_gan
from palingen.runtime.config_io import OLD_ENDING
from palingen.runtime.errors import ConfigError, DataError, DivergenceError, RunError
from palingen.runtime.run_files import read_environment, read_records
from palingen.runtime.safetensors_io import load_weights, save_weights

CPU = torch.device("cpu")


def equal_weights(first, second, name="weights"):
    a, b = (load_weights(folder / f"{name}.safetensors") for folder in (first, second))
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def records_of(folder, kind):
    return [record for record in read_records(folder) if record["kind"] == kind]


def test_a_run_keeps_grids_arrays_weights_and_records(tmp_path, config):
    result = train_gan(replace(config, save_interval=5), tmp_path, CPU)
    names = sorted(path.name for path in (tmp_path / "snapshots").iterdir())
    assert names == [f"step-{step:07d}.png" for step in (0, 5, 7, 10, 14)]
    stages = read_snapshots(tmp_path)
    assert list(stages) == ["start", "middle", "end"]
    assert len({pixels.tobytes() for pixels in stages.values()}) == 3
    for stage in stages:
        with Image.open(tmp_path / f"{stage}.png") as image:
            assert image.size == (592, 592)
    steps = records_of(tmp_path, "step")
    assert [record["step"] for record in steps] == [4, 8, 12, 14]
    assert [record["epoch"] for record in steps] == [4 / 7, 8 / 7, 12 / 7, 2]
    assert all(0 <= record[f"{side}_accuracy"] <= 1 for record in steps for side in ("real", "fake"))
    assert (result["epochs"], result["steps"], result["seed"]) == (2, 14, 0)
    assert not (tmp_path / "resume.pt").exists()


def test_training_writes_no_sampling_options(tmp_path, config):
    train_gan(replace(config, epochs=1), tmp_path, CPU)
    assert not (tmp_path / "sampling.json").exists()
    assert load_generator(tmp_path).max_latent_norm is None


def test_the_generator_of_each_stage_generates_the_images_of_that_stage(tmp_path, config):
    train_gan(config, tmp_path, CPU)
    for stage, pixels in read_snapshots(tmp_path).items():
        loaded = load_generator(tmp_path, stage)
        assert loaded.config == config
        assert np.array_equal(
            generate_pixels(loaded.generator, snapshot_inputs(config, loaded.num_classes)).numpy(), pixels
        )


@pytest.mark.parametrize("ema_half_life", [None, 3])
def test_the_generator_of_the_best_epoch_is_kept_at_the_end(tmp_path, config, monkeypatch, ema_half_life):
    monkeypatch.setattr(trainer_module, "BN_SAMPLES", 100)
    distances = iter([5.0, 2.0, 3.0])
    generators = []

    def evaluate(monitor, generator, epoch):
        generators.append({name: weight.clone() for name, weight in generator.state_dict().items()})
        return {"fd": next(distances)}

    monkeypatch.setattr(Monitor, "evaluate", evaluate)
    config = replace(config, epochs=3, keep="best", monitor_samples=100, ema_half_life=ema_half_life)
    result = train_gan(config, tmp_path, CPU)
    assert [record["epoch"] for record in records_of(tmp_path, "monitor")] == [1, 2, 3]
    assert result["best_epoch"] == 2
    end = load_weights(tmp_path / "end.safetensors")
    assert all(torch.equal(end[name], weight) for name, weight in generators[1].items())
    assert not torch.equal(generators[1]["0.weight"], generators[2]["0.weight"])
    end_images = read_snapshots(tmp_path)["end"]
    loaded = load_generator(tmp_path)
    assert np.array_equal(
        generate_pixels(loaded.generator, snapshot_inputs(config, loaded.num_classes)).numpy(), end_images
    )


def test_too_few_images_to_choose_the_best_epoch_by_are_refused(tmp_path, config):
    few = tmp_path / "few"
    write_images(few, "train", load_images("train").select(torch.arange(60)))
    with pytest.raises(DataError, match=r"^keep='best': needs at least 100 training images; there are 54$"):
        train_gan(replace(config, data=str(few), keep="best", monitor_samples=100), tmp_path / "run", CPU)
    assert not (tmp_path / "run").exists()


def test_an_engine_that_does_not_support_the_config_is_refused_in_one_line(tmp_path, config):
    with pytest.raises(ConfigError, match=r"^engine='penalty-jvp': needs a penalty") as refusal:
        train_gan(config, tmp_path / "run", CPU, engine="penalty-jvp")
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "engine"), [({}, "native"), ({"penalty": "r1"}, "penalty-jvp"), ({"penalty": "wgan-gp"}, "autograd")]
)
def test_result_and_environment_hold_engine_threads_and_flush_denormal(tmp_path, config, settings, engine):
    result = train_gan(replace(config, epochs=1, **settings), tmp_path, CPU)
    expected = {"engine": engine, "threads": torch.get_num_threads(), "flush_denormal": True}
    for record in (result, read_environment(tmp_path), records_of(tmp_path, "result")[0]):
        assert {name: record[name] for name in expected} == expected


def test_training_from_python_flushes_subnormal_numbers(tmp_path, config):
    def subnormal():
        return (torch.full((), 1e-40) * torch.ones(())).item()

    torch.set_flush_denormal(False)
    assert subnormal() > 0
    train_gan(replace(config, epochs=1), tmp_path, CPU)
    assert subnormal() == 0


def test_a_run_folder_of_an_older_version_is_refused_in_one_line(tmp_path, config):
    (tmp_path / "config.json").write_text(json.dumps({"kind": f"Gan{OLD_ENDING}", "seed": 0}))
    for use in (lambda: train_gan(config, tmp_path, CPU), lambda: load_generator(tmp_path)):
        with pytest.raises(RunError, match=r"config\.json: written by an older version of palingen") as refusal:
            use()
        assert "\n" not in str(refusal.value)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["config.json"]


@pytest.mark.parametrize(
    ("precision", "arithmetic", "warns"),
    [("bfloat16", False, True), ("bfloat16", True, False), ("float32", False, False)],
)
def test_a_cpu_without_bfloat16_arithmetic_is_named_in_one_line(
    tmp_path, config, monkeypatch, capsys, precision, arithmetic, warns
):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: arithmetic)
    train_gan(replace(config, epochs=1, precision=precision), tmp_path, CPU)
    warnings = [line for line in capsys.readouterr().err.splitlines() if "bfloat16" in line]
    assert warnings == (["gan: this CPU has no bfloat16 arithmetic; precision=float32 is faster here"] if warns else [])


def test_a_last_batch_of_a_single_image_is_dropped(tmp_path, config):
    assert train_gan(replace(config, batch_size=199, epochs=1), tmp_path, CPU)["steps"] == 1
    assert len(read_snapshots(tmp_path)) == 3  # the middle of one step is its start


def test_a_single_training_image_is_refused(tmp_path):
    for kind, shape in (("images-idx3", (1, 28, 28)), ("labels-idx1", (1,))):
        write_idx(tmp_path / f"train-{kind}-ubyte.gz", np.zeros(shape, np.uint8))
    with pytest.raises(DataError, match="has a single image; at least two are needed"):
        train_gan(GanConfig(data=str(tmp_path)), tmp_path / "run", CPU)


def test_weights_of_another_network_are_refused_in_one_line(tmp_path, config):
    config = replace(config, epochs=1)
    train_gan(config, tmp_path, CPU)
    weights = load_generator(tmp_path).generator.state_dict()
    for tensors, other, message in (
        ({"x": torch.ones(1)}, config, "not the weights of this network"),
        (weights, replace(config, learning_rate=1e-3), r"written by a run with other settings than config\.json"),
    ):
        save_weights(tmp_path / "end.safetensors", tensors, other)
        with pytest.raises(RunError, match=rf"end\.safetensors: {message}") as refusal:
            load_generator(tmp_path)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("fast", ["manual", "native"])
def test_a_fast_engine_learns_the_same_as_autograd(tmp_path, config, fast):
    for engine in ("autograd", fast):
        train_gan(replace(config, epochs=1), tmp_path / engine, CPU, engine=engine)
    expected, actual = (load_weights(tmp_path / engine / "weights.safetensors") for engine in ("autograd", fast))
    assert actual.keys() == expected.keys()
    for name, tensor in expected.items():  # seven steps of at most 2e-4; the sign of a gradient near zero may differ
        torch.testing.assert_close(actual[name], tensor, rtol=1e-2, atol=4e-4)


def test_monitoring_is_recorded_with_its_sample_size_and_changes_no_weight(tmp_path, config):
    train_gan(replace(config, monitor_samples=2000), tmp_path / "monitored", CPU)
    train_gan(config, tmp_path / "unmonitored", CPU)
    assert equal_weights(tmp_path / "monitored", tmp_path / "unmonitored")
    records = records_of(tmp_path / "monitored", "monitor")
    assert [record["epoch"] for record in records] == [1, 2]
    for record in records:
        assert (record["n"], record["against"]) == (200, "training images")
        assert record["fd"] > 0
        assert all(0 <= record[name] <= 1 for name in ("coverage", "recall", "class_tv"))
    assert records_of(tmp_path / "unmonitored", "monitor") == []


def test_a_diverging_run_stops_in_one_line_that_names_the_remedy(tmp_path, config):
    with pytest.raises(
        DivergenceError, match=r"generator_loss .* at step 4 of 14 \(.*learning_rate=100.*; try a smaller"
    ) as stop:
        train_gan(replace(config, **DIVERGING), tmp_path, CPU)
    assert "\n" not in str(stop.value)


def test_with_ema_the_averaged_generator_is_kept_beside_the_trained_one(tmp_path, config, monkeypatch):
    monkeypatch.setattr(trainer_module, "BN_SAMPLES", 100)
    train_gan(replace(config, ema_half_life=1000), tmp_path, CPU)
    trained = load_weights(tmp_path / "weights.safetensors")
    averaged = load_weights(tmp_path / "end.safetensors")
    assert not torch.equal(averaged["0.weight"], trained["generator.0.weight"])


def test_stacked_digits_are_trained_and_monitored_by_their_modes(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "STACKED_SIZE", 240)
    result = train_gan(GanConfig(data="stacked", epochs=1, batch_size=60, monitor_samples=200), tmp_path, CPU)
    assert (result["steps"], result["engine"]) == (4, "native")
    assert read_snapshots(tmp_path)["end"].shape == (25, 28, 84)
    (record,) = records_of(tmp_path, "monitor")
    assert 1 <= record["modes"] <= 200
    assert record["reverse_kl"] > 0
