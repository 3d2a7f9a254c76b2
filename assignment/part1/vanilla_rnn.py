"""Simple recurrent network, whose step `palingen.cells.rnn` implements."""

from palingen import SequenceClassifier


class VanillaRNN(SequenceClassifier):
    """RNN classifier: `[batch, input_length, input_dim]` to logits `[batch, output_dim]` after the last step."""

    def __init__(self, input_length: int, input_dim: int, hidden_dim: int, output_dim: int) -> None:
        super().__init__("rnn", input_dim, hidden_dim, output_dim)
        self.input_length = input_length
