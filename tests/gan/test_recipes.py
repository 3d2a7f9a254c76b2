from dataclasses import replace

import pytest
from support import ROOT

from palingen import recipes
from palingen.gan.config import GanConfig
from palingen.runtime.config_io import parse_config
from palingen.runtime.paths import PRETRAINED_DIR
from palingen.runtime.run_files import read_config
from palingen.runtime.safetensors_header import load_metadata


@pytest.mark.parametrize(
    "path", sorted(PRETRAINED_DIR.glob("*/*.safetensors")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_every_shipped_generator_carries_the_config_of_its_recipe(path):
    config = parse_config(load_metadata(path), GanConfig, path)
    recipe = recipes.GAN[path.parent.name]
    assert replace(config, monitor_samples=recipe.monitor_samples) == recipe  # monitoring changes no weight


@pytest.mark.parametrize("name", [name for name in recipes.GAN if name != "demo"])
def test_every_committed_run_has_the_config_of_its_recipe(name):
    config = read_config(ROOT / "report" / "runs" / f"gan-{name}", GanConfig)
    recipe = recipes.GAN[name]
    assert replace(config, monitor_samples=recipe.monitor_samples) == recipe  # monitoring changes no weight


def test_the_public_script_differs_from_the_course_in_three_fields():
    course, script = (vars(recipes.GAN[name]) for name in ("course", "public-script"))
    assert {name: script[name] for name in course if course[name] != script[name]} == {
        "beta1": 0.5,
        "batchnorm_eps": 0.8,
        "discriminator_loss_weight": 0.5,
    }
