"""Flags to config: recipes, overrides, and settings that are switched off."""

import json
import types
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, get_args, get_type_hints

import pytest
from cyclopts import App

from palingen.cli import app
from palingen.cli.options import FIELDS, OutputOptions, TrainingOptions, folder_name, print_result, recipe_values
from palingen.gan.config import GanConfig
from palingen.recipes import GAN, PALINDROME
from palingen.recurrence.config import PalindromeConfig
from palingen.runtime.errors import PalingenError


def parse_config(*arguments):
    """Config of a command line."""
    _, bound, _ = app.parse_args(list(map(str, arguments)), exit_on_error=False, print_error=False)
    return bound.arguments["config"]


def test_a_folder_is_named_after_all_that_is_not_the_default_whatever_classes_are_called():
    assert folder_name("course", "seed0", norm=None, images=9) == "course-seed0-images9"
    assert folder_name("shapes", classes="T-shirt/top-../Dress") == "shapes-classesT-shirt-top-..-Dress"
    assert folder_name("a", classes="grün") != folder_name("a", classes="grau") != folder_name("a", classes="grén")
    names = {folder_name("many", classes="-".join(map(str, range(count)))) for count in (100, 101)}
    assert len(names) == 2
    assert max(map(len, names)) < 200


@pytest.mark.parametrize("recipe", GAN)
def test_a_gan_recipe_is_taken_in_full(recipe):
    assert parse_config("gan", "train", "--recipe", recipe) == GAN[recipe]


@pytest.mark.parametrize("recipe", PALINDROME)
def test_a_palindrome_recipe_is_taken_in_full(recipe):
    assert parse_config("palindrome", "train", "--recipe", recipe) == PALINDROME[recipe]


def test_without_flags_training_takes_the_courses_recipe_and_a_palindrome_study_recipe_memory():
    assert parse_config("gan", "train") == GAN["course"]
    assert parse_config("palindrome", "train") == PALINDROME["course"]
    assert parse_config("palindrome", "study") == PALINDROME["memory"]


def test_a_flag_overrides_one_field_and_leaves_the_others():
    config = parse_config("palindrome", "study", "--hidden-size", 32, "--no-orthogonal-init")
    assert config == replace(PALINDROME["memory"], hidden_size=32, orthogonal_init=False)


def test_what_a_recipe_sets_can_be_switched_off():
    residual = parse_config("gan", "train", "--recipe", "residual", "--no-penalty", "--no-ema-half-life")
    assert residual == replace(GAN["residual"], penalty=None, ema_half_life=None)
    memory = parse_config("palindrome", "study", "--no-curriculum-threshold", "--no-early-stop-accuracy")
    assert memory == replace(PALINDROME["memory"], curriculum_threshold=None, early_stop_accuracy=None)


@pytest.mark.parametrize(("verb", "kind"), [("gan", GanConfig), ("palindrome", PalindromeConfig)])
def test_every_field_that_may_be_none_can_be_switched_off(verb, kind):
    hints = get_type_hints(kind)
    optional = [field.name for field in fields(kind) if types.NoneType in get_args(hints[field.name])]
    assert len(optional) >= 3
    for name in optional:
        assert getattr(parse_config(verb, "train", f"--no-{name.replace('_', '-')}"), name) is None


def test_none_in_a_recipe_overrides_the_default_of_the_field():
    silent = replace(GAN["course"], monitor_samples=None)
    own = App(config=recipe_values({"course": silent}), result_action="return_value")

    @own.default
    def train(*, recipe: str = "course", config: Annotated[GanConfig, FIELDS] = GAN["course"]) -> GanConfig:
        return config

    assert own([]) == silent
    assert own(["--monitor-samples", "500"]).monitor_samples == 500


def test_the_default_folder_is_named_after_verb_recipe_and_settings():
    options, config = TrainingOptions(), PALINDROME["course"]
    folder = options.folder("palindrome", "course", config)
    assert folder.parts[:2] == ("runs", "palindrome")
    assert folder.name.startswith("course-")
    assert folder != options.folder("palindrome", "course", replace(config, seed=1))
    assert TrainingOptions(out=Path("here")).folder("palindrome", "course", config) == Path("here")


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("palindrome.train_palindrome", ("palindrome", "train", "--length", 20, "--engine", "reference")),
        ("gan.train_gan", ("gan", "train", "--engine", "autograd")),
        ("classifier.train_classifier", ("classifier", "train")),
    ],
)
def test_execution_flags_reach_the_training(palingen, error_line, monkeypatch, function, arguments):
    def train(config, folder, device=None, **execution):
        raise PalingenError(f"{execution.get('engine')}, {execution['force']}, {execution['allow_engine_change']}")

    monkeypatch.setattr(f"palingen.cli.{function}", train)
    engine = arguments[-1] if "--engine" in arguments else None
    assert f"{engine}, False, True" in error_line(palingen(*arguments, "--allow-engine-change"))
    assert f"{engine}, True, False" in error_line(palingen(*arguments, "--force"))


def test_a_result_is_one_json_object_or_a_table(capsys):
    result = {"fd": 1.23456789, "files": [Path("a.png"), Path("b.png")], "folder": Path("run")}
    print_result(result, True, title="Scores")
    assert json.loads(capsys.readouterr().out) == {"fd": 1.23456789, "files": ["a.png", "b.png"], "folder": "run"}
    print_result(result, False, title="Scores")
    table = capsys.readouterr().out
    assert "Scores" in table
    assert "1.235" in table
    assert table.splitlines()[-2:] == ["a.png", "b.png"]
    print_result(result, False, title="Scores", rows={"test_accuracy": "100 %"})
    assert "test accuracy" in capsys.readouterr().out


def test_pictures_are_printed_last_and_no_path_is_broken(capsys):
    long = Path("runs") / ("long" * 40) / "weights.safetensors"
    print_result({"files": [Path("a.png"), long, Path("b.json")], "folder": Path("run")}, False, title="Training")
    assert capsys.readouterr().out.splitlines()[-3:] == [str(long), "b.json", "a.png"]


def test_output_options_default_to_a_table_and_no_folder():
    assert OutputOptions() == OutputOptions(out=None, json=False)
