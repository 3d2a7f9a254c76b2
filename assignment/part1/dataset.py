"""Palindromes as a torch data set."""

import sys

from torch import Generator, Tensor
from torch.utils.data import Dataset

from palingen import palindromes


class PalindromeDataset(Dataset[tuple[Tensor, int]]):
    """Distinct palindromes of `input_length + 1` digits; an item is all digits but the last, and the last.

    Args:
        input_length: digits of the input, at least 1.
        total_len: number of palindromes; if fewer exist, the data set has all of them and prints a message.
        one_hot: items of shape `[input_length, 10]` instead of `[input_length, 1]`.
        seed: seed of the palindromes and their order.
    """

    def __init__(self, input_length: int, total_len: int, one_hot: bool = False, seed: int = 42) -> None:
        if input_length < 1 or total_len < 1:
            raise ValueError(f"input_length={input_length}, total_len={total_len}: must be at least 1")
        length = input_length + 1
        count = min(total_len, palindromes.count_palindromes(length))
        if count < total_len:
            print(
                f"only {count:,} palindromes have {length} digits, fewer than total_len={total_len:,}", file=sys.stderr
            )
        self.encoding = "one-hot" if one_hot else "scalar"
        generator = Generator().manual_seed(seed)
        self.palindromes = palindromes.Palindromes(palindromes.sample_distinct(length, count, generator))

    def __len__(self) -> int:
        return len(self.palindromes)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        item = palindromes.Palindromes(self.palindromes.digits[index].unsqueeze(0))
        return palindromes.encode(item.inputs, self.encoding)[0], int(item.target)
