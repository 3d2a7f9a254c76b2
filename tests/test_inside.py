import json

import pytest
import torch
from torch.nn.functional import cross_entropy

from palingen.errors import RunError
from palingen.recurrence.cells import CELLS
from palingen.recurrence.experiment import PalindromeRun
from palingen.recurrence.inside import gates, gradient_norms, look
from palingen.recurrence.network import Classifier, Recurrent
from palingen.recurrence.train import train

CPU = torch.device("cpu")


def test_the_gates_of_an_lstm_make_its_memory():
    torch.manual_seed(0)
    layer = Recurrent("lstm", 2, 5)
    inputs = torch.randn(1, 6, 2)
    opened = gates(layer, inputs)
    (h, c), _ = layer(inputs)
    past_h = torch.cat([torch.zeros(1, 1, 5), h[:, :-1]], dim=1)
    past_c = torch.cat([torch.zeros(1, 1, 5), c[:, :-1]], dim=1)
    sums = inputs @ layer.input_weight.T + past_h @ layer.hidden_weight.T + layer.bias
    candidate = torch.tanh(sums.chunk(4, dim=-1)[2])
    order = torch.sigmoid(sums.chunk(4, dim=-1)[1])[0].mean(0).argsort(descending=True)
    remade = candidate[0, :, order] * opened["i"] + past_c[0, :, order] * opened["f"]
    torch.testing.assert_close(remade, c[0, :, order])
    torch.testing.assert_close(torch.tanh(c[0, :, order]) * opened["o"], h[0, :, order])


def test_the_gates_of_a_peephole_lstm_see_its_memory():
    torch.manual_seed(0)
    layer = Recurrent("peephole", 2, 5)
    inputs = torch.randn(1, 6, 2)
    opened = gates(layer, inputs)
    (h, c), _ = layer(inputs)
    ratio = (h / torch.tanh(c))[0]  # (6): the output gate is what is left of tanh(c)
    assert sorted(opened["o"].flatten().tolist()) == pytest.approx(sorted(ratio.flatten().tolist()), rel=1e-4)


def test_a_plain_rnn_has_no_gates():
    assert gates(Recurrent("rnn", 2, 5), torch.randn(1, 6, 2)) == {}


@pytest.mark.parametrize("cell", CELLS)
def test_gradient_norms_are_those_of_finite_differences(cell):
    torch.manual_seed(0)
    model = Classifier(cell, 2, 4, 10).double()
    inputs, target = torch.randn(1, 5, 2, dtype=torch.float64), torch.tensor([3])
    norms = gradient_norms(model, inputs, target)
    layer = model.recurrent
    states = layer(inputs[:, :2]).last
    slope = []
    for unit in range(4):
        ends = []
        for shift in (1e-6, -1e-6):
            moved = states[0].detach().clone()
            moved[0, unit] += shift
            last = layer(inputs[:, 2:], (moved, *states[1:])).last[0]
            ends.append(cross_entropy(model.readout(last), target))
        slope.append((ends[0] - ends[1]) / 2e-6)
    assert norms["h"][1].item() == pytest.approx(torch.stack(slope).norm().item(), rel=1e-5)
    assert set(norms) == set(CELLS[cell].state)
    assert norms["h"].shape == (5,)


def test_the_gradient_vanishes_in_an_untrained_rnn_faster_than_with_a_forget_bias():
    def kept(cell, **options):
        torch.manual_seed(0)
        model = Classifier(cell, 1, 32, 10)
        if options:
            from palingen.recurrence.initial import forget_bias

            forget_bias(model.recurrent, options["bias"])
        norms = gradient_norms(model, torch.rand(8, 40, 1), torch.arange(8))
        return max(float(part[0]) for part in norms.values()) / float(norms["h"][-1])

    assert kept("rnn") < 1e-4 < 1e-2 < kept("lstm", bias=5.0)


def test_a_run_is_looked_into(palingen, tmp_path):
    for cell in ("lstm", "rnn"):
        train(PalindromeRun(cell=cell, samples=200, hidden=8, epochs=1), tmp_path / cell, CPU)
    run = palingen("palindrome", "inside", "lstm", "rnn", "--out", "look", "--json")
    found = json.loads(run.stdout)
    assert [one["run"] for one in found["gradient_kept"]] == ["lstm", "rnn"]
    assert (tmp_path / "look" / "inside.png").stat().st_size > 20_000
    kept = json.loads((tmp_path / "look" / "inside.json").read_text())
    assert {*kept[0]["gates"]} == {"i", "f", "o"}
    assert len(kept[1]["after"]["h"]) == 4


def test_there_is_nothing_to_look_into_without_a_finished_run(palingen, tmp_path):
    with pytest.raises(RunError, match="no run here"):
        look(tmp_path)
    for arguments in ((), ("nowhere",)):
        run = palingen("palindrome", "inside", *arguments)
        assert run.returncode == 2
        assert len(run.stderr.strip().splitlines()) == 1
