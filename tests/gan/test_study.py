import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from support import DIVERGING
from tracker_logs import read_mlflow, read_tensorboard

from palingen import recipes
from palingen.gan import study
from palingen.gan.config import GanConfig, build_networks
from palingen.gan.study import TrainOptions, Variant, enumerate_runs, load_results, run_study
from palingen.runtime.errors import ConfigError, DataError, RunError
from palingen.runtime.parallel import ParallelConfig
from palingen.runtime.safetensors_io import save_weights

COURSE = recipes.GAN["course"]

SERIAL = ParallelConfig(jobs=1)


@pytest.fixture(scope="module")
def variants(few_digits):
    """A variant of one epoch, and one that diverges."""
    config = GanConfig(data=str(few_digits), epochs=1, monitor_samples=None)
    configs = config, replace(config, **DIVERGING)
    return [variant for config in configs for variant in enumerate_runs("course", COURSE, config, [], 1)]


@pytest.fixture(scope="module")
def finished(variants, evaluator, tmp_path_factory):
    """Folder and results of a finished study."""
    out = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "data_evaluator", lambda info: evaluator)
        return out, list(run_study(variants, out, SERIAL, TrainOptions(trackers=("tensorboard",))))


def test_a_study_is_every_loss_once_with_every_seed():
    variants = enumerate_runs("course", COURSE, GanConfig(), ["hinge", "minimax", "hinge"], 2)
    assert [(variant.config.loss, variant.config.seed) for variant in variants] == [
        (loss, seed) for loss in ("hinge", "minimax") for seed in (0, 1)
    ]
    assert len({variant.folder for variant in variants}) == 4


@pytest.mark.torture  # the suite has one in recurrence/test_study.py
def test_two_processes_train_the_same_variants_as_one(tmp_path, few_digits):
    config = replace(GanConfig(data=str(few_digits), epochs=1, monitor_samples=None), **DIVERGING)
    variants = enumerate_runs("course", COURSE, config, [], 2)
    one, two = (
        sorted(
            run_study(variants, tmp_path / str(jobs), ParallelConfig(jobs=jobs), TrainOptions()),
            key=lambda result: result["seed"],
        )
        for jobs in (1, 2)
    )
    assert [{**result, "stopped": None} for result in one] == [{**result, "stopped": None} for result in two]
    assert [(result["seed"], result["score"]) for result in two] == [(0, None), (1, None)]


def test_without_losses_a_study_has_the_loss_of_its_config():
    (variant,) = enumerate_runs("course", COURSE, GanConfig(loss="hinge"), [], 1)
    assert variant.config == GanConfig(loss="hinge")


def test_overrides_are_the_fields_that_differ_from_the_recipe_but_for_seed_and_epochs():
    (_, variant) = enumerate_runs("course", COURSE, GanConfig(epochs=3, beta1=0.5), ["hinge"], 2)
    assert variant.overrides == {"loss": "hinge", "beta1": 0.5}
    assert variant.label == "course, loss hinge, beta1 0.5"
    assert variant.folder == "course-loss-hinge-beta1-0.5-seed1"


def test_a_recipe_without_overrides_is_labelled_by_its_name():
    (variant,) = enumerate_runs("course", COURSE, COURSE, [], 1)
    assert (variant.label, variant.overrides) == ("course", {})


@pytest.mark.parametrize("seeds", [0, -1])
def test_no_seeds_are_refused(seeds):
    with pytest.raises(ConfigError, match=f"^seeds={seeds}: must be at least 1$"):
        enumerate_runs("course", COURSE, COURSE, [], seeds)


def test_stacked_digits_are_refused():
    with pytest.raises(ConfigError, match=r"^data='stacked': is not supported by a study"):
        enumerate_runs("stacked", recipes.GAN["stacked"], recipes.GAN["stacked"], [], 1)


def test_every_variant_is_trained_and_scored(finished, variants):
    out, results = finished
    assert [result["folder"] for result in results] == [variant.folder for variant in variants]
    converged, _ = results
    assert converged["score"]["n"] == 10_000
    assert converged["score"]["fd"] > 500  # one epoch over 200 images teaches little
    assert converged["seconds"] > 0
    for variant in variants:
        assert json.loads((out / variant.folder / "config.json").read_text())["seed"] == variant.config.seed


def test_the_log_of_a_variant_ends_with_its_scores(finished, variants):
    out, (converged, _) = finished
    scored, diverged = (read_tensorboard(out / variant.folder) for variant in variants)
    assert scored.final["score/fd"] == pytest.approx(converged["score"]["fd"], rel=1e-6)
    assert diverged.final == {}


def test_a_tracker_that_is_added_to_a_finished_study_gets_records_and_scores(finished, variants):
    out, results = finished
    assert list(run_study(variants, out, SERIAL, TrainOptions(trackers=("tensorboard", "mlflow")))) == results
    log = read_mlflow(out / variants[0].folder)
    assert log.final == pytest.approx(read_tensorboard(out / variants[0].folder).final, rel=1e-6)
    assert log.final["score/fd"] == pytest.approx(results[0]["score"]["fd"], rel=1e-6)


def test_a_variant_that_diverges_is_a_result_without_score(finished):
    _, (_, diverged) = finished
    assert diverged["score"] is None
    assert diverged["seconds"] is None
    assert "no longer a finite number" in diverged["stopped"]


def test_a_finished_study_trains_nothing_again(finished, variants, monkeypatch):
    out, results = finished
    monkeypatch.setattr(study, "train_gan", lambda *_, **__: pytest.fail("trained again"))
    assert list(run_study(variants, out, SERIAL, TrainOptions())) == results


def test_other_epochs_in_the_same_folder_are_refused_before_anything_is_trained(tmp_path, variants):
    folder, config = tmp_path / variants[1].folder, variants[1].config
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"kind": "GanConfig", **asdict(config)}))
    (folder / "result.json").write_text("{}")
    longer = [replace(variant, config=replace(variant.config, epochs=30)) for variant in variants]
    with pytest.raises(RunError, match=r"other settings \(epochs=30, was 1\); force=True replaces it$"):
        run_study(longer, tmp_path, SERIAL, TrainOptions())
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_images_without_a_classifier_are_refused_before_anything_is_trained(tmp_path, monkeypatch):
    monkeypatch.setenv("PALINGEN_CACHE", str(tmp_path / "cache"))
    np.savez(tmp_path / "images.npz", images=np.zeros((40, 28, 28), np.uint8), labels=np.arange(40) % 2)
    variants = enumerate_runs("course", COURSE, GanConfig(data=str(tmp_path / "images.npz")), [], 1)
    with pytest.raises(DataError, match=r"images\.npz: has no classifier yet; train one with"):
        run_study(variants, tmp_path / "study", SERIAL, TrainOptions())
    assert not (tmp_path / "study").exists()


def test_loaded_results_hold_config_and_environment_of_each_run_sorted_by_label(finished, variants):
    out, results = finished
    loaded = load_results(out)
    assert [result["label"] for result in loaded] == sorted(result["label"] for result in results)
    configs = {result["folder"]: GanConfig(**result["config"]) for result in loaded}
    assert configs == {variant.folder: variant.config for variant in variants}
    for result in loaded:
        engine = "native" if result["config"]["architecture"] == "mlp" else "autograd"
        assert (result["environment"]["engine"], result["environment"]["threads"]) == (engine, 1)


def test_train_options_reach_the_training(tmp_path, variants, evaluator, monkeypatch):
    calls = []

    def train(config, folder, device, **options):
        calls.append((device.type, options))
        raise study.DivergenceError("a loss is no longer a finite number")

    monkeypatch.setattr(study, "train_gan", train)
    options = {"engine": "autograd", "force": True, "allow_engine_change": True, "trackers": ("tensorboard",)}
    list(run_study(variants[:1], tmp_path, SERIAL, TrainOptions(**options)))
    assert calls == [("cpu", options)]


def test_force_trains_a_finished_variant_again(tmp_path, variants, monkeypatch):
    (tmp_path / variants[0].folder).mkdir()
    (tmp_path / variants[0].folder / "result.json").write_text('{"folder": "old"}')

    def train(*_, **__):
        raise study.DivergenceError("stopped")

    monkeypatch.setattr(study, "train_gan", train)
    (result,) = run_study(variants[:1], tmp_path, SERIAL, TrainOptions(force=True))
    assert (result["folder"], result["stopped"]) == (variants[0].folder, "stopped")


def test_a_variant_is_scored_with_the_maximum_latent_norm_of_its_recipe(tmp_path, monkeypatch):
    config = GanConfig(architecture="residual", latent_dim=8)
    (variant,) = enumerate_runs("residual", config, config, [], 1, max_latent_norm=1.04)
    scored = []

    def train(config, folder, *_, **__):
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"kind": "GanConfig", **asdict(config)}))
        save_weights(folder / "end.safetensors", build_networks(config).generator.state_dict(), config)
        return {"seconds": 0.0}

    def score(generator, _):
        scored.append(generator.max_latent_norm)
        raise study.DivergenceError("scored")

    monkeypatch.setattr(study, "train_gan", train)
    monkeypatch.setattr(study, "evaluate_generator", score)
    monkeypatch.setattr(study, "data_evaluator", lambda info: None)
    list(run_study([variant], tmp_path, SERIAL, TrainOptions()))
    assert scored == [1.04]


def test_a_damaged_result_is_refused_in_one_line(tmp_path, variants):
    folder = tmp_path / variants[0].folder
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"kind": "GanConfig", **asdict(variants[0].config)}))
    (folder / "environment.json").write_text("{}")
    (folder / "result.json").write_text('{"folder": ')
    with pytest.raises(DataError, match=r"result\.json: damaged .*; delete it to score the run again$") as refusal:
        load_results(tmp_path)
    assert "\n" not in str(refusal.value)


def test_the_folder_of_a_variant_has_only_safe_characters():
    variant = Variant("own", GanConfig(data="/my digits"), {"data": "/my digits"})
    assert variant.folder == "own-data-my-digits-seed0"


@pytest.mark.parametrize("paths", [("/a" * 200 + "/1", "/a" * 200 + "/2"), ("/数字", "/文字")])
def test_the_folders_of_variants_with_long_or_foreign_paths_are_short_and_differ(paths):
    folders = {Variant("own", GanConfig(data=path), {"data": path}).folder for path in paths}
    assert len(folders) == 2
    assert max(map(len, folders)) <= 170
