"""LSTM of equations (1) to (8), which `palingen.cells.lstm` implements."""

from palingen import SequenceClassifier


class LSTM(SequenceClassifier):
    """LSTM classifier: `[batch, seq_length, input_dim]` to logits `[batch, output_dim]` after the last step."""

    def __init__(self, seq_length: int, input_dim: int, hidden_dim: int, output_dim: int) -> None:
        super().__init__("lstm", input_dim, hidden_dim, output_dim)
        self.seq_length = seq_length
