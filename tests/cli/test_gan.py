"""`palingen gan train`, `sample` and `interpolate`."""

import json

import numpy as np
import pytest
from PIL import Image

from palingen.gan.config import GanConfig, build_networks
from palingen.gan.pretrained import load_generator
from palingen.gan.sampling.snapshots import SCALE
from palingen.recipes import GAN, MAX_LATENT_NORM
from palingen.runtime.atomic_io import write_json
from palingen.runtime.image_io import GAP
from palingen.runtime.run_files import read_config
from palingen.runtime.safetensors_io import save_weights


@pytest.fixture
def small(few_digits):
    """Flags of a training of seconds."""
    return ("--data", few_digits, "--epochs", 1, "--batch-size", 50, "--log-interval", 2, "--no-monitor-samples")


def test_training_prints_its_result_and_where_it_is(palingen, tmp_path, small):
    result = json.loads(palingen("gan", "train", "--recipe", "public-script", *small, "--out", "run", "--json").stdout)
    assert {"epochs", "seconds", "engine", "real_accuracy", "fake_accuracy", "folder"} <= set(result)
    assert all((tmp_path / file).exists() for file in result["files"])
    config, recipe = read_config(tmp_path / "run", GanConfig), GAN["public-script"]
    for name in ("beta1", "batchnorm_eps", "discriminator_loss_weight"):
        assert getattr(config, name) == getattr(recipe, name)
    assert not (tmp_path / "run" / "sampling.json").exists()


def test_auto_takes_the_fastest_engine_and_another_can_be_chosen(palingen, small):
    engines = {
        engine: json.loads(palingen("gan", "train", *small, "--engine", engine, "--out", engine, "--json").stdout)
        for engine in ("auto", "autograd")
    }
    assert engines["auto"]["engine"] == "native"
    assert engines["autograd"]["engine"] == "autograd"


def test_a_recipe_with_a_maximum_latent_norm_writes_it_for_sampling(palingen, tmp_path, small, monkeypatch):
    monkeypatch.setitem(MAX_LATENT_NORM, "residual", 1.04)
    flags = ("--recipe", "residual", "--precision", "float32", "--latent-dim", 8, *small, "--out", "run")
    assert palingen("gan", "train", *flags).returncode == 0
    assert load_generator(tmp_path / "run").max_latent_norm == 1.04
    arrays = {}
    for name, norm in {"own": (), "same": ("--max-latent-norm", 1.04), "none": ("--no-max-latent-norm",)}.items():
        assert palingen("gan", "sample", "run", *norm, "--out", name).returncode == 0
        arrays[name] = np.load(tmp_path / name / "samples.npy")
    assert (arrays["own"] == arrays["same"]).all()
    assert (arrays["own"] != arrays["none"]).any()


def test_a_class_conditional_run_generates_the_requested_classes(palingen, error_line, tmp_path, small):
    assert palingen("gan", "train", "--conditional", *small, "--out", "run").returncode == 0
    sampled = json.loads(palingen("gan", "sample", "run", "--classes", 1, 2, "--count", 4, "--json").stdout)
    assert all((tmp_path / file).exists() for file in sampled["files"])
    assert "must be digits from 0 to 9" in error_line(palingen("gan", "sample", "run", "--classes", 11))


def test_a_snapshot_of_a_shipped_generator_is_sampled(palingen, tmp_path):
    flags = ("--count", 9, "--snapshot", "middle", "--seed", 3, "--columns", 3)
    result = json.loads(palingen("gan", "sample", "pretrained:course", *flags, "--json").stdout)
    assert result["folder"] == "runs/sample/course-middle-seed3-images9-columns3"
    with Image.open(tmp_path / result["folder"] / "samples.png") as grid:
        assert grid.size == (SCALE * (3 * 28 + 2 * GAP), SCALE * (3 * 28 + 2 * GAP))
    expected = load_generator("course", "middle").pixels(9, 3, None).numpy()
    assert np.array_equal(np.load(tmp_path / result["folder"] / "samples.npy"), expected)
    assert all((tmp_path / file).exists() for file in result["files"])


def test_samples_and_interpolations_with_other_settings_replace_none(palingen):
    def folders(verb, *arguments):
        runs = (palingen("gan", verb, "pretrained:residual", *flags, "--json") for flags in arguments)
        return [json.loads(run.stdout)["folder"].removeprefix(f"runs/{verb}/residual-") for run in runs]

    assert folders("sample", (), ("--classes", 3, 8, "--max-latent-norm", 0.95), ("--no-max-latent-norm",)) == [
        "end-seed0",
        "end-seed0-classes3-8-norm0.95",
        "end-seed0-normany",
    ]
    assert folders("interpolate", (), ("--classes", 1, 7, "--steps", 3)) == ["seed0", "seed0-steps3-classes1-7"]


def test_interpolation_reports_the_class_and_confidence_of_every_image(palingen, tmp_path):
    command = ("gan", "interpolate", "pretrained:course", "--classes", 3, 8, "--steps", 7, "--json")
    result = json.loads(palingen(*command).stdout)
    assert result["classes"] == [3, 8]
    assert len(result["confidences"]) == 2
    assert len(result["linear_classes"]) == len(result["spherical_classes"]) == 9
    assert len(result["linear_confidences"]) == len(result["spherical_confidences"]) == 9
    assert all((tmp_path / file).exists() for file in result["files"])


def test_interpolation_of_three_digits_at_once_is_an_error(palingen, error_line, tmp_path):
    config = GanConfig(data="stacked", monitor_samples=None)
    write_json(tmp_path / "run" / "config.json", {"kind": "GanConfig", **vars(config)})
    save_weights(tmp_path / "run" / "end.safetensors", build_networks(config).generator.state_dict(), config)
    assert "three digits at once" in error_line(palingen("gan", "interpolate", "run"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sample", "nowhere"), "nowhere: not a run folder"),
        (("sample", "pretrained:curse"), "did you mean 'course'"),
        (("sample", "pretrained:course", "--classes", 3), "classes=('3',): course is not class-conditional"),
        (("sample", "pretrained:course", "--count", 0), "count=0: must be at least 1"),
        (("sample", "pretrained:course", "--max-latent-norm", 0), "max_latent_norm=0.0: must be above 0"),
        (("sample", "pretrained:course", "--max-latent-norm", "long"), "--max-latent-norm"),
        (("interpolate", "pretrained:course", "--classes", 3, 3), "must be two different digits"),
        (("interpolate", "pretrained:course", "--steps", 0), "steps=0: must be at least 1"),
        (("interpolate", "nowhere"), "nowhere: not a run folder"),
        (("export", "nowhere"), "nowhere: not a run folder"),
    ],
)
def test_an_invalid_value_is_named_in_one_line(palingen, error_line, arguments, message):
    assert message in error_line(palingen("gan", *arguments))
