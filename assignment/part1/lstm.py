"""The LSTM of equations (1)-(8), see `palingen.recurrence.cells.lstm`."""

from palingen.recurrence.network import Classifier


class LSTM(Classifier):
    """`[batch, seq_length, input_dim]` to logits `[batch, output_dim]` after the last step."""

    def __init__(self, seq_length: int, input_dim: int, hidden_dim: int, output_dim: int) -> None:
        super().__init__("lstm", input_dim, hidden_dim, output_dim)
        self.seq_length = seq_length
