"""Division of a recurrence among the programs of a launch, and the PTX with which they exchange numbers.

B  sequences      H  hidden units      G  gates
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

ROWS = 16
"""Sequences of a program: the rows of a tensor core's product."""

MIN_COLUMNS = 16
"""Fewest columns (units times gates) of a program, the depth of a product in the backward pass."""

MAX_WEIGHTS = 16384
"""Most recurrent weights of a program, so that they fit into its registers in two parts each."""

MAX_WARPS = 8

STORE = "{ st.relaxed.gpu.global.b32 [$1], $2; mov.b32 $0, 0; }"
"""Store that other multiprocessors can see."""


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

    def __post_init__(self) -> None:
        if not self._choices():
            raise ValueError(
                f"{self.H} hidden units need more than this device's {self.multiprocessors} multiprocessors"
            )

    @property
    def padded(self) -> int:
        """Hidden units, to a power of two."""
        return max(16, 1 << (self.H - 1).bit_length())

    def _choices(self) -> list[int]:
        """Hidden units of a program: powers of two whose weights fit into it, and whose programs run at once."""
        fewest = max(1, MIN_COLUMNS // self.group)
        powers = [fewest << power for power in range(8) if fewest << power <= self.padded]
        fitting = [units for units in powers if units * self.group * self.padded <= MAX_WEIGHTS]
        return [units for units in fitting if self.padded // units <= self.multiprocessors]

    @cached_property
    def units(self) -> int:
        """Hidden units of a program: few, so that a step is short, but all sequences at once if possible."""
        tiles, choices = -(-self.B // ROWS), self._choices()
        at_once = [units for units in choices if tiles * (self.padded // units) <= self.multiprocessors]
        return (at_once or choices[-1:])[0]

    @property
    def parts(self) -> int:
        """Programs among which the hidden units are divided."""
        return self.padded // self.units

    @property
    def warps(self) -> int:
        """Warps of a program: few, since each adds a part to every sum, but enough for the registers of its weights."""
        few = MAX_WARPS // 2 if self.units * self.group * self.padded <= MAX_WEIGHTS // 2 else MAX_WARPS
        return min(few, self.padded // 16)

    @property
    def pack(self) -> int:
        """Numbers that each thread receives."""
        return ROWS * self.padded // (32 * self.warps)

    @cached_property
    def constants(self) -> dict[str, Any]:
        """Arguments of both kernels that are compiled into them."""
        return {
            "ROWS": ROWS,
            "UNITS": self.units,
            "PADDED": self.padded,
            "STORE": STORE,
            "WAIT": wait_instructions(self.pack),
            "CONSTRAINTS": wait_constraints(self.pack),
            "PACK": self.pack,
            "num_warps": self.warps,
            "launch_cooperative_grid": True,  # programs wait for each other, so all must run at once
        }

    def tile_groups(self) -> list[range]:
        """Tiles of sequences of each launch, one launch if all fit at once."""
        tiles, size = -(-self.B // ROWS), self.multiprocessors // self.parts
        return [range(start, min(start + size, tiles)) for start in range(0, tiles, size)]


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
