import pytest
import torch
from torch import nn

from palingen.recurrence.best_weights import BestWeights


@pytest.fixture
def model():
    return nn.Linear(1, 1)


def update(best, model, epoch, **metrics):
    """Offer weights that equal the epoch."""
    with torch.no_grad():
        model.weight.fill_(epoch)
    best.update(epoch, model, **metrics)


def test_the_weights_of_the_lowest_loss_are_copied_and_the_first_of_equal_ones(model):
    best = BestWeights()
    for epoch, loss in enumerate((0.5, 0.2, 0.3, 0.2), start=1):
        update(best, model, epoch, loss=loss, length=5)
    assert (best.epoch, best.loss) == (2, 0.2)
    assert best.weights["weight"].item() == 2
    assert model.weight.item() == 4


def test_a_greater_length_wins_over_a_lower_loss(model):
    best = BestWeights()
    for epoch, (loss, length) in enumerate(((0.1, 8), (0.9, 12), (0.05, 8), (0.8, 12)), start=1):
        update(best, model, epoch, loss=loss, length=length)
    assert (best.epoch, best.length, best.loss) == (4, 12, 0.8)


def test_a_restored_state_is_only_replaced_by_better_weights(model):
    best, restored = BestWeights(), BestWeights()
    update(best, model, 1, loss=0.3, length=5)
    restored.load_state_dict(best.state_dict())
    update(restored, model, 2, loss=0.4, length=5)
    assert restored.weights["weight"].item() == 1
    update(restored, model, 3, loss=0.2, length=5)
    assert restored.weights["weight"].item() == 3
