"""The plain recurrent network, see `palingen.recurrence.cells.rnn`."""

from palingen.recurrence.network import Classifier


class VanillaRNN(Classifier):
    """`[batch, input_length, input_dim]` to logits `[batch, output_dim]` after the last step."""

    def __init__(self, input_length: int, input_dim: int, hidden_dim: int, output_dim: int) -> None:
        super().__init__("rnn", input_dim, hidden_dim, output_dim)
        self.input_length = input_length
