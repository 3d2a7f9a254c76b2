"""Division of a recurrence among the programs of a launch, and the PTX with which they exchange numbers.

B  sequences      H  hidden units      G  gates
"""

from dataclasses import dataclass
from functools import cached_property

ROWS = 16
"""Sequences of a program: the rows of a tensor core's product."""

MIN_COLUMNS = 16
"""Fewest columns (units times gates) of a program, the depth of a product in the backward pass."""

MAX_WEIGHTS = 16384
"""Most recurrent weights of a program, so that they fit into its registers in two parts each."""

MAX_WARPS = 8


@dataclass(frozen=True)
class LaunchPlan:
    """Tiles of sequences times parts of the hidden units, all of which must run at once.

    Raises:
        ValueError: the device has too few multiprocessors for the hidden units.
    """

    B: int
    H: int

    group: int
    """Columns of a unit: its gates, to a power of two."""

    multiprocessors: int
    """Programs that the device runs at once."""

    @property
    def padded(self) -> int:
        """Hidden units, to a power of two."""
        return max(16, 1 << (self.H - 1).bit_length())

    @cached_property
    def units(self) -> int:
        """Hidden units of a program: few, so that a step is short, but no more programs than run at once."""
        fewest = max(1, MIN_COLUMNS // self.group)
        choices = [fewest << power for power in range(8) if fewest << power <= self.padded]
        fitting = [units for units in choices if units * self.group * self.padded <= MAX_WEIGHTS]
        fitting = [units for units in fitting if self.padded // units <= self.multiprocessors]
        if not fitting:
            raise ValueError(f"{self.H} hidden units need more than this device's {self.multiprocessors} multiprocessors")
        tiles = -(-self.B // ROWS)
        at_once = [units for units in fitting if tiles * (self.padded // units) <= self.multiprocessors]
        return (at_once or fitting[-1:])[0]

    @property
    def parts(self) -> int:
        """Programs among which the hidden units are divided."""
        return self.padded // self.units

    @property
    def warps(self) -> int:
        """Warps of a program."""
        return min(MAX_WARPS, self.padded // 16)

    @property
    def pack(self) -> int:
        """Numbers that each thread receives."""
        return ROWS * self.padded // (32 * self.warps)

    def tile_groups(self) -> list[range]:
        """Tiles of sequences of each launch, one launch if all fit at once."""
        tiles, size = -(-self.B // ROWS), self.multiprocessors // self.parts
        return [range(start, min(start + size, tiles)) for start in range(0, tiles, size)]


STORE = "{ st.relaxed.gpu.global.b32 [$1], $2; mov.b32 $0, 0; }"
"""Store that other multiprocessors can see."""


def wait_instructions(pack: int) -> str:
    """PTX that loads numbers until the lowest bit of each is the expected parity.

    Args:
        pack: numbers of a thread. Operands are the numbers, their addresses and, once for each number, the parity.
    """
    loads = [f"ld.relaxed.gpu.global.b32 ${index}, [${pack + index}];" for index in range(pack)]
    compares = [f"xor.b32 other, ${index}, ${2 * pack}; or.b32 differs, differs, other;" for index in range(pack)]
    lines = [
        ".reg .pred pending; .reg .b32 differs, other;",
        "WAIT:",
        *loads,
        "mov.b32 differs, 0;",
        *compares,
        "and.b32 differs, differs, 1;",
        "setp.ne.b32 pending, differs, 0;",
        "@pending bra WAIT;",
    ]
    return "{ " + " ".join(lines) + " }"


def wait_constraints(pack: int) -> str:
    """Operands of `wait_instructions`: results are written before all inputs are read."""
    return ",".join(["=&r"] * pack + ["l"] * pack + ["r"] * pack)
