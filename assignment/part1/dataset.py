"""Palindromes as a torch data set."""

import sys

from torch import Generator, Tensor
from torch.utils.data import Dataset

from palingen.recurrence.palindromes import Palindromes, count_palindromes, distinct_palindromes, encode


class PalindromeDataset(Dataset[tuple[Tensor, int]]):
    """Unique palindromes of `input_length + 1` digits; an item is all digits but the last, and the last.

    Args:
        input_length: digits read, at least 1.
        total_len: how many palindromes; if there are fewer, all of them, and a line says so.
        one_hot: items of shape `[input_length, 10]` instead of `[input_length, 1]`.
        seed: which palindromes, and their order.
    """

    def __init__(self, input_length: int, total_len: int, one_hot: bool = False, seed: int = 42) -> None:
        if input_length < 1 or total_len < 1:
            raise ValueError(f"input_length {input_length} and total_len {total_len} must be at least 1")
        length = input_length + 1
        unique = min(total_len, count_palindromes(length))
        if unique < total_len:
            print(f"only {unique:,} palindromes have {length} digits ({total_len:,} asked for)", file=sys.stderr)
        self.encoding = "one-hot" if one_hot else "scalar"
        self.palindromes = Palindromes(distinct_palindromes(length, unique, Generator().manual_seed(seed)))

    def __len__(self) -> int:
        return len(self.palindromes)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        item = Palindromes(self.palindromes.digits[index].unsqueeze(0))
        return encode(item.seen, self.encoding)[0], int(item.target)
