import subprocess
import sys

import pytest
import torch

import palingen
from palingen.adversarial.experiment import GanRun
from palingen.adversarial.images import load_images
from palingen.adversarial.judge import load_judge
from palingen.adversarial.latent import draw_images, draw_latents, truncate
from palingen.adversarial.train import train
from palingen.adversarial.trained import SHIPPED, load
from palingen.errors import ConfigError, PalingenError, RunError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def conditional(few_digits, tmp_path_factory):
    """A class-conditional run of one step."""
    folder = tmp_path_factory.mktemp("run")
    config = GanRun(data=str(few_digits), conditional=True, epochs=1, batch_size=200, latent_dim=8, average_steps=5)
    train(config, folder, CPU)
    return load(folder)


def test_the_shipped_generator_draws_grey_levels_between_0_and_1():
    images = palingen.load("course").sample(25)
    assert images.shape == (25, 1, 28, 28)
    assert images.dtype == torch.float32
    assert 0 <= images.min() < 0.01
    assert 0.99 < images.max() <= 1


def test_samples_follow_their_seed():
    course = load("course")
    assert torch.equal(course.sample(5, seed=3), course.sample(5, seed=3))
    assert not torch.equal(course.sample(5, seed=3), course.sample(5, seed=4))


def test_what_is_sampled_is_what_the_generator_draws_of_its_latents():
    course = load("pretrained:course")
    expected = draw_images(course.generator, draw_latents(30, 100, seed=1))
    assert torch.equal((course.sample(30, seed=1).squeeze(1) * 255).round().to(torch.uint8), expected)


def test_truncation_shortens_the_latents_and_nothing_else(conditional):
    plain, short = conditional.truncated(0), conditional.truncated(0.9)
    labels = plain.labels(20, 0)
    assert torch.equal(plain.inputs(20, 0, labels)[:, :-10], draw_latents(20, 8, 0))
    assert torch.equal(short.inputs(20, 0, labels)[:, :-10], truncate(draw_latents(20, 8, 0), 0.9))
    assert torch.equal(short.inputs(20, 0, labels)[:, -10:], plain.inputs(20, 0, labels)[:, -10:])
    assert short.truncated(None) is short


def test_the_moments_of_the_course_differ_and_only_the_end_draws_digits_that_the_judge_is_sure_of():
    judge = load_judge()
    sure = {
        moment: judge.probabilities(load("course", moment).pixels(200, 0, None)).max(1).values.mean().item()
        for moment in ("start", "middle", "end")
    }
    assert sure["start"] < sure["end"]
    assert sure["end"] > 0.85


def test_classes_come_in_turn_or_as_often_as_among_the_training_images(conditional):
    assert conditional.labels(5, 0, 3).tolist() == [3] * 5
    assert conditional.labels(5, 0, [1, 7]).tolist() == [1, 7, 1, 7, 1]
    drawn = torch.bincount(conditional.labels(20_000, 0), minlength=10) / 20_000
    training = torch.bincount(load_images("train", conditional.config.data).labels, minlength=10) / 200
    torch.testing.assert_close(drawn, training, atol=0.01, rtol=0)
    assert torch.equal(conditional.generator.class_shares, training)


def test_another_class_is_another_image_of_the_same_latents(conditional):
    one, other = conditional.sample(4, classes=1), conditional.sample(4, classes=2)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("classes", [10, -1, [], [3, 11]])
def test_classes_that_are_none_are_refused(conditional, classes):
    with pytest.raises(ConfigError, match=r"classes: .* is not digits from 0 to 9"):
        conditional.sample(3, classes=classes)


def test_a_generator_without_classes_says_so():
    with pytest.raises(PalingenError, match="course is not class-conditional"):
        load("course").sample(3, classes=7)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("pretrained:cuorse", "did you mean 'course'"),
        ("no-such-run", r"neither a run folder nor shipped \(shipped are: course"),
        ("pretrained:../pretrained/course", "is not known"),
        ("residuall", "neither a run folder nor shipped"),
    ],
)
def test_a_name_that_is_none_is_refused_in_one_line(name, says):
    with pytest.raises(PalingenError, match=says) as refusal:
        load(name)
    assert "\n" not in str(refusal.value)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="no run here"):
        load(tmp_path)


def test_a_damaged_shipped_file_is_named(tmp_path, monkeypatch):
    (tmp_path / "course").mkdir()
    whole = (SHIPPED / "course" / "end.safetensors").read_bytes()
    (tmp_path / "course" / "end.safetensors").write_bytes(whole[:1000])
    monkeypatch.setattr("palingen.adversarial.trained.SHIPPED", tmp_path)
    with pytest.raises(RunError, match=r"end.safetensors: missing or damaged"):
        load("course")


@pytest.mark.parametrize(
    "path", sorted(SHIPPED.glob("*/*.safetensors")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_every_shipped_generator_is_small_and_draws(path):
    assert path.stat().st_size < 3.1e6
    assert load(path.parent.name, path.stem).sample(2).isfinite().all()


def test_importing_the_package_needs_no_torch():
    script = "import sys, palingen; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
