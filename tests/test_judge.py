import json

import pytest
import torch
from safetensors import safe_open
from torch import nn

from palingen.adversarial.between import between
from palingen.adversarial.images import load_images
from palingen.adversarial.judge import SHIPPED, JudgeRun, accuracy_of, load_judge, train
from palingen.errors import PalingenError, RunError
from palingen.recipes import JUDGE
from palingen.weights import load_weights

CPU = torch.device("cpu")


def test_the_shipped_judge_is_right_on_994_of_1000_test_images():
    assert accuracy_of(load_judge(), load_images("t10k")) >= 0.994


def test_the_shipped_judge_carries_its_hash_and_the_config_of_the_recipe_that_made_it():
    with safe_open(SHIPPED, framework="pt") as file:
        metadata = file.metadata()
    assert len(metadata["sha256"]) == 64
    config = json.loads(metadata["config"])
    assert config.pop("kind") == "JudgeRun"
    assert JudgeRun(**config) == JUDGE["shipped"]
    assert SHIPPED.stat().st_size < 2_000_000


def test_the_judge_learns_in_a_few_steps_and_ends_in_the_same_weights_again(tmp_path, few_digits):
    config = JudgeRun(data=str(few_digits), epochs=8, batch_size=20)
    result = train(config, tmp_path / "one", CPU)
    train(config, tmp_path / "again", CPU)
    assert result["accuracy"] > 0.6  # 200 images teach it this much; guessing is 0.1
    one, again = (load_weights(tmp_path / name / "weights.safetensors") for name in ("one", "again"))
    assert all(torch.equal(one[name], again[name]) for name in one)


def test_probabilities_sum_to_one_and_features_have_128_dimensions():
    judge, pixels = load_judge(), load_images("t10k").pixels[:30]
    torch.testing.assert_close(judge.probabilities(pixels).sum(1), torch.ones(30))
    assert judge.features(torch.zeros(2, 1, 28, 28)).shape == (2, 128)
    assert not any(weight.requires_grad for weight in judge.parameters())


def test_another_networks_weights_are_refused(tmp_path):
    from palingen.weights import save_weights

    save_weights(tmp_path / "file", {"w": torch.ones(1)}, JudgeRun())
    with pytest.raises(RunError, match="does not hold a judge"):
        load_judge(tmp_path / "file")


class Album(nn.Module):
    """A generator that shows real digits: the one that its latent's first number picks."""

    def __init__(self, pixels):
        super().__init__()
        self.images = nn.Parameter(pixels.unsqueeze(1).float() / 127.5 - 1)

    def forward(self, latents):
        return self.images[(latents[:, 0].abs() * 1000).long() % len(self.images)]


def test_walks_have_ends_of_different_classes_and_a_verdict_on_every_image():
    walks = between(Album(load_images("t10k").pixels[:500]), latent_dim=4, steps=7, seed=0)
    assert set(walks) == {"linear", "spherical"}
    for walk in walks.values():
        assert walk.pixels.shape == (9, 28, 28)
        assert len(walk.classes) == len(walk.confidences) == 9
        assert walk.classes[0] != walk.classes[-1]
        assert min(walk.confidences[0], walk.confidences[-1]) > 0.9


def test_walks_between_wanted_classes_begin_and_end_there():
    walks = between(Album(load_images("t10k").pixels[:500]), latent_dim=4, steps=3, seed=0, pair=(3, 8))
    assert (walks["linear"].classes[0], walks["linear"].classes[-1]) == (3, 8)


def test_a_collapsed_generator_is_called_by_what_it_draws():
    ones = load_images("t10k")
    one = ones.pixels[ones.labels == 1][:1]
    with pytest.raises(PalingenError, match="the judge sees only: 1"):
        between(Album(one), latent_dim=4, steps=7, seed=0)
