import torch

from palingen.gan.data.mnist import load_images
from palingen.gan.evaluation.classifier import load_classifier
from palingen.gan.evaluation.classifier_pair import ClassifierPair
from palingen.gan.evaluation.second_classifier import load_second_classifier


def test_the_outputs_of_a_pair_are_those_of_each_classifier():
    first, second, pixels = load_classifier(), load_second_classifier(), load_images("t10k").pixels[:20]
    output = ClassifierPair(first, second).predict(pixels).select(torch.tensor([7, 3]))
    torch.testing.assert_close(output.first.features, first.predict(pixels).features[[7, 3]])
    torch.testing.assert_close(output.second_features, second.predict(pixels).features[[7, 3]])


def test_without_a_second_classifier_there_are_no_features_of_it():
    output = ClassifierPair(load_classifier(), None).predict(load_images("t10k").pixels[:4])
    assert output.second_features is None
    assert output.select(torch.tensor([1])).second_features is None


def test_the_hash_is_that_of_the_weights():
    hashes = ClassifierPair(load_classifier(), None).hashes()
    assert len(hashes["classifier"]) == 64
    assert hashes["second_classifier"] is None
    changed = load_classifier()
    changed.fc.bias += 1
    assert ClassifierPair(changed, None).hashes()["classifier"] != hashes["classifier"]
