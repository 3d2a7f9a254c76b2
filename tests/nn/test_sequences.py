import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_sequence

from palingen.nn.sequences import PackedSequences
from palingen.recurrence.unroll import RNNOutput


@given(lengths=st.lists(st.integers(1, 7), min_size=1, max_size=5))
@settings(max_examples=30)
def test_packed_data_become_steps_and_back_in_both_directions(lengths):
    sequences = [torch.randn(length, 2) for length in sorted(lengths, reverse=True)]
    packed = pack_sequence(sequences)
    layout = PackedSequences(packed.batch_sizes, packed.data.device)
    for reverse in (False, True):
        steps = layout.steps(packed.data, reverse=reverse)
        for row, sequence in enumerate(sequences):
            assert torch.equal(steps[: len(sequence), row], sequence.flip(0) if reverse else sequence)
            assert not steps[len(sequence) :, row].any()
        assert torch.equal(layout.outputs(steps.transpose(0, 1), reverse=reverse), packed.data)
    states = layout.steps(packed.data, reverse=False).transpose(0, 1)
    (final,) = layout.final_state(RNNOutput((states,), (states[:, -1],)))
    assert torch.equal(final, torch.stack([sequence[-1] for sequence in sequences]))
    assert layout.reset_mask.sum(1).tolist() == [max(lengths) - len(sequence) for sequence in sequences]
