import json
from dataclasses import replace

import pytest
import torch

from palingen import recipes
from palingen.gan import pretrained
from palingen.gan.config import GanConfig
from palingen.gan.data.mnist import load_images
from palingen.gan.evaluation.classifier import load_classifier
from palingen.gan.pretrained import load_generator
from palingen.gan.sampling.latents import clip_norm, generate_pixels, sample_latents
from palingen.gan.sampling.sampling_options import write_sampling_options
from palingen.gan.train import train_gan
from palingen.recurrence.pretrained import load_network
from palingen.runtime.errors import ConfigError, DataError, PalingenError, RunError
from palingen.runtime.paths import PRETRAINED_DIR

CPU = torch.device("cpu")

SHIPPED = sorted(path.parent.name for path in PRETRAINED_DIR.glob("*/end.safetensors"))


@pytest.fixture(scope="module")
def course():
    return load_generator("course")


@pytest.fixture(scope="module")
def run(few_digits, tmp_path_factory):
    """Folder of a class-conditional run of one step."""
    folder = tmp_path_factory.mktemp("run")
    config = GanConfig(data=str(few_digits), conditional=True, epochs=1, batch_size=200, latent_dim=8, ema_half_life=5)
    train_gan(config, folder, CPU)
    return folder


@pytest.fixture
def conditional(run):
    return load_generator(run)


def test_sampled_images_are_grey_levels_between_0_and_1(course):
    images = course.sample(25)
    assert images.shape == (25, 1, 28, 28)
    assert images.dtype is torch.float32
    assert 0 <= images.min() < 0.01
    assert 0.99 < images.max() <= 1


def test_the_seed_determines_the_samples(course):
    assert torch.equal(course.sample(5, seed=3), course.sample(5, seed=3))
    assert not torch.equal(course.sample(5, seed=3), course.sample(5, seed=4))


def test_samples_are_the_generators_images_of_the_latents_of_their_seed(course):
    expected = generate_pixels(course.generator, sample_latents(30, 100, seed=1))
    assert torch.equal(course.pixels(30, 1, None), expected)
    assert torch.equal((course.sample(30, seed=1).squeeze(1) * 255).round().to(torch.uint8), expected)


def test_a_maximum_latent_norm_clips_the_latents_and_not_the_classes(conditional):
    unlimited, limited = conditional.with_max_latent_norm(None), conditional.with_max_latent_norm(0.9)
    labels = unlimited.labels(20, 0)
    assert torch.equal(unlimited.inputs(20, 0, labels)[:, :-10], sample_latents(20, 8, 0))
    assert torch.equal(limited.inputs(20, 0, labels)[:, :-10], clip_norm(sample_latents(20, 8, 0), 0.9))
    assert torch.equal(limited.inputs(20, 0, labels)[:, -10:], unlimited.inputs(20, 0, labels)[:, -10:])


@pytest.mark.parametrize("norm", [0, -1.0])
def test_a_maximum_latent_norm_of_zero_or_less_is_refused(conditional, norm):
    with pytest.raises(ConfigError, match=rf"^max_latent_norm={norm!r}: must be above 0$"):
        conditional.with_max_latent_norm(norm)


def test_sampling_options_beside_the_weights_are_used(run, tmp_path):
    assert load_generator(run).max_latent_norm is None
    for path in run.iterdir():
        if path.is_file() and not path.name.startswith("."):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    write_sampling_options(tmp_path, 0.8)
    assert load_generator(tmp_path).max_latent_norm == 0.8
    write_sampling_options(tmp_path, None)
    assert load_generator(tmp_path).max_latent_norm is None
    (tmp_path / "sampling.json").write_text('{"max_latent_norm": "short"}')
    with pytest.raises(DataError, match=r"sampling\.json: damaged .*; delete it to sample without options$"):
        load_generator(tmp_path)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_generator_samples_with_the_latent_norm_of_its_recipe(name):
    assert load_generator(name).max_latent_norm == recipes.MAX_LATENT_NORM.get(name)


def test_only_the_end_of_the_courses_training_gives_digits_that_are_classified_confidently():
    classifier = load_classifier()
    confidence = {
        snapshot: classifier.probabilities(load_generator("course", snapshot).pixels(200, 0, None)).amax(1).mean()
        for snapshot in ("start", "end")
    }
    assert confidence["start"] < confidence["end"]
    assert confidence["end"] > 0.85


def test_given_classes_are_taken_in_turn(conditional):
    assert conditional.labels(5, 0, 3).tolist() == [3] * 5
    assert conditional.labels(5, 0, [1, 7]).tolist() == [1, 7, 1, 7, 1]
    assert conditional.labels(3, 0, range(10)).tolist() == [0, 1, 2]


def test_random_classes_are_as_frequent_as_among_the_training_images(conditional):
    sampled = torch.bincount(conditional.labels(20_000, 0), minlength=10) / 20_000
    training = torch.bincount(load_images("train", conditional.config.data).labels, minlength=10) / 200
    torch.testing.assert_close(sampled, training, atol=0.01, rtol=0)
    assert torch.equal(conditional.generator.class_frequencies, training)


def test_another_class_gives_another_image_of_the_same_latents(conditional):
    assert not torch.equal(conditional.sample(4, classes=1), conditional.sample(4, classes=2))


@pytest.mark.parametrize("classes", [10, -1, [], [3, 11]])
def test_classes_that_are_not_digits_are_refused(conditional, classes):
    with pytest.raises(ConfigError, match=r"^classes=.*: must be digits from 0 to 9$"):
        conditional.sample(3, classes=classes)


def test_an_unconditional_generator_refuses_classes(course):
    with pytest.raises(ConfigError, match=r"^classes=7: course is not class-conditional$"):
        course.sample(3, classes=7)


@pytest.mark.parametrize(("count", "seed", "field"), [(0, 0, "count=0"), (3, -1, "seed=-1")])
def test_an_invalid_count_or_seed_is_refused(course, count, seed, field):
    with pytest.raises(ConfigError, match=f"^{field}: must be at least"):
        course.sample(count, seed)


def test_an_interpolation_goes_from_one_digit_to_another(course):
    interpolations = course.interpolate(steps=3, seed=0)
    assert set(interpolations) == {"linear", "spherical"}
    for interpolation in interpolations.values():
        assert interpolation.pixels.shape == (5, 28, 28)
        assert interpolation.classes[0] != interpolation.classes[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps=0: must be at least 1"),
        ({"steps": 51}, "steps=51: must be at most 50"),
        ({"seed": -1}, "seed=-1: must be at least 0"),
        ({"classes": (3, 3)}, r"classes=\(3, 3\): must be two different digits"),
        ({"classes": (3, 10)}, r"classes=\(3, 10\): must be two different digits"),
    ],
)
def test_invalid_arguments_of_an_interpolation_are_refused(course, arguments, message):
    with pytest.raises(ConfigError, match=f"^{message}$"):
        course.interpolate(**arguments)


def test_a_generator_of_three_digits_at_once_refuses_to_interpolate(course):
    stacked = replace(course, config=GanConfig(data="stacked"))
    with pytest.raises(PalingenError, match="makes three digits at once; interpolation needs single digits"):
        stacked.interpolate()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pretrained:cuorse", "did you mean 'course'"),
        ("no-such-run", r"'no-such-run' is neither a run folder nor a shipped generator \(course"),
        ("pretrained:../pretrained/course", "unknown '../pretrained/course'"),
        ("residuall", "'residuall' is neither a run folder nor a shipped generator"),
    ],
)
def test_an_unknown_generator_is_refused_in_one_line(name, message):
    with pytest.raises(PalingenError, match=message) as refusal:
        load_generator(name)
    assert "\n" not in str(refusal.value)


def test_a_folder_that_is_not_a_run_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"not a run folder \(no config.json\)"):
        load_generator(tmp_path)


@pytest.mark.parametrize("load", [lambda: load_generator("course"), lambda: load_network("lstm")])
def test_loading_leaves_the_callers_random_numbers_as_they_are(load):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    load()
    assert torch.equal(torch.rand(3), expected)


def test_a_damaged_shipped_file_is_named(tmp_path, monkeypatch):
    (tmp_path / "course").mkdir()
    content = (PRETRAINED_DIR / "course" / "end.safetensors").read_bytes()
    (tmp_path / "course" / "end.safetensors").write_bytes(content[:1000])
    monkeypatch.setattr(pretrained, "PRETRAINED_DIR", tmp_path)
    with pytest.raises(RunError, match=r"end\.safetensors: missing or damaged"):
        load_generator("course")


@pytest.mark.parametrize(
    "path", sorted(PRETRAINED_DIR.glob("*/*.safetensors")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_every_shipped_generator_is_small_and_generates(path):
    assert path.stat().st_size < 3.1e6
    assert load_generator(path.parent.name, path.stem).sample(2).isfinite().all()


@pytest.mark.parametrize("name", SHIPPED)
def test_the_score_of_a_shipped_generator_was_measured_with_its_latent_norm(name):
    score = json.loads((PRETRAINED_DIR / name / "score.json").read_text())
    assert score.get("max_latent_norm") == load_generator(name).max_latent_norm
