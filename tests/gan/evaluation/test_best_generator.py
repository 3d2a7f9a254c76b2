import torch
from torch import nn

from palingen.gan.evaluation.best_generator import BestGenerator


def generator(value):
    network = nn.Linear(1, 1)
    nn.init.constant_(network.weight, value)
    return network


def test_the_generator_with_the_lowest_distance_is_kept():
    best = BestGenerator()
    for epoch, distance in enumerate([3.0, 1.0, 1.0, 2.0], 1):
        best.update(epoch, generator(epoch), {"fd": distance})
    assert (best.epoch, best.distance) == (2, 1.0)
    last = generator(4.0)
    assert best.load_into_copy(last).weight.item() == 2.0
    assert last.weight.item() == 4.0


def test_three_digits_at_once_are_compared_by_their_reverse_kl():
    best = BestGenerator()
    best.update(1, generator(1.0), {"modes": 900, "reverse_kl": 0.2})
    best.update(2, generator(2.0), {"modes": 990, "reverse_kl": 0.1})
    assert best.epoch == 2


def test_its_state_restores_weights_epoch_and_distance(tmp_path):
    best = BestGenerator()
    best.update(5, generator(5.0), {"fd": 1.5})
    torch.save(best.state_dict(), tmp_path / "state")
    restored = BestGenerator()
    restored.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
    assert (restored.epoch, restored.distance) == (5, 1.5)
    assert restored.load_into_copy(generator(0.0)).weight.item() == 5.0
