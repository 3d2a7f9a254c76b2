"""Functions on blocks, the numbers that a program computes together: nonlinearities, products, gates, exchange.

The programs of the same sequences exchange their results through memory at every step. Each number carries the parity
of its turn in its lowest bit, so that a reader sees whether it has arrived: there is no barrier and no flag. Two slots
are enough: a program writes a slot again only after it has received what all others computed from the numbers before.
"""

import triton
import triton.language as tl


@triton.jit
def tanh(x):
    """Hyperbolic tangent; a series near 0, where the difference would lose its digits."""
    s = x * x
    series = x * (1 + s * (-0.33333333 + s * (0.13333334 + s * (-0.05396825 + s * 0.02186949))))
    return tl.where(s < 0.0625, series, 1 - 2 / (tl.exp(2 * x) + 1))


@triton.jit
def expm1(x):
    """exp(x) - 1; a series near 0, where the difference would lose its digits."""
    series = 1 + x * (0.5 + x * (0.16666667 + x * (0.041666668 + x * (0.008333334 + x * 0.0013888889))))
    return tl.where(tl.abs(x) < 0.125, x * series, tl.exp(x) - 1)


@triton.jit
def sigmoid(x):
    """Logistic function."""
    return 1 / (1 + tl.exp(-x))


@triton.jit
def split_float(x):
    """Two parts whose sum is x, the first exact in the 10 bits of mantissa that a tensor core reads."""
    high = tl.cast(tl.cast(x, tl.int32, bitcast=True) & -8192, tl.float32, bitcast=True)
    return high, x - high


@triton.jit
def product(rows, weight_high, weight_low, TF32: tl.constexpr):
    """Matrix product: one of tensor cores with TF32, else three, which give the precision of float32."""
    if TF32:
        total = tl.dot(rows, weight_high, input_precision="tf32")
    else:
        high, low = split_float(rows)
        total = tl.dot(low, weight_high, input_precision="tf32")
        total = tl.dot(high, weight_low, total, input_precision="tf32")
        total = tl.dot(high, weight_high, total, input_precision="tf32")
    return total


@triton.jit
def ungroup(columns, ROWS: tl.constexpr, UNITS: tl.constexpr, SIZE: tl.constexpr):
    """Gates [ROWS, UNITS] from the columns [ROWS, SIZE x UNITS] of a product.

    A thread of a tensor core's product holds two neighbouring columns, and the same two of the other half: all gates.
    """
    if SIZE == 1:
        gates = (columns,)
    elif SIZE == 2:
        gates = tl.split(tl.reshape(columns, [ROWS, UNITS, 2]))
    else:
        halves = tl.permute(tl.reshape(columns, [ROWS, 2, UNITS * SIZE // 2]), [0, 2, 1])
        lower, upper = tl.split(halves)
        gates = ungroup(lower, ROWS, UNITS, SIZE // 2) + ungroup(upper, ROWS, UNITS, SIZE // 2)
    return gates


@triton.jit
def group(gates, ROWS: tl.constexpr, UNITS: tl.constexpr, SIZE: tl.constexpr):
    """Inverse of `ungroup`."""
    if SIZE == 1:
        columns = gates[0]
    elif SIZE == 2:
        columns = tl.reshape(tl.join(gates[0], gates[1]), [ROWS, UNITS * 2])
    else:
        HALF: tl.constexpr = SIZE // 2
        lower, upper = (), ()
        for g in tl.static_range(HALF):
            lower, upper = lower + (gates[g],), upper + (gates[HALF + g],)
        lower, upper = group(lower, ROWS, UNITS, HALF), group(upper, ROWS, UNITS, HALF)
        columns = tl.reshape(tl.permute(tl.join(lower, upper), [0, 2, 1]), [ROWS, UNITS * SIZE])
    return columns


@triton.jit
def sum_splits(parts, SPLITS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Sum over the first axis, by halves."""
    if SPLITS == 1:
        total = tl.reshape(parts, [ROWS, COLUMNS])
    else:
        HALF: tl.constexpr = SPLITS // 2
        lower, upper = tl.split(tl.permute(tl.reshape(parts, [2, HALF, ROWS, COLUMNS]), [1, 2, 3, 0]))
        total = sum_splits(lower + upper, HALF, ROWS, COLUMNS)
    return total


@triton.jit
def publish(pointers, numbers, turn, STORE: tl.constexpr):
    """Write numbers, with the parity of this turn in the lowest bit, for the other programs to read."""
    bits = (tl.cast(numbers, tl.int32, bitcast=True) & -2) | (1 - ((turn >> 1) & 1))
    tl.inline_asm_elementwise(STORE, "=r,l,r", [pointers, bits], dtype=tl.int32, is_pure=False, pack=1)


@triton.jit
def receive(pointers, turn, WAIT: tl.constexpr, CONSTRAINTS: tl.constexpr, PACK: tl.constexpr):
    """Numbers of this turn, once all of them have arrived."""
    parity = tl.full(pointers.shape, 0, tl.int32) + (1 - ((turn >> 1) & 1))
    bits = tl.inline_asm_elementwise(WAIT, CONSTRAINTS, [pointers, parity], tl.int32, is_pure=False, pack=PACK)
    return tl.cast(bits, tl.float32, bitcast=True)
