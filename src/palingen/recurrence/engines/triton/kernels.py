"""Recurrence of a pointwise cell in Triton: the whole time loop in one launch, forward and backward.

`module_loader.py` writes this text and the cell's own functions, `cell_step` and `cell_gradient` of `codegen.py`, to one
module; nothing imports this file itself.

A program computes UNITS hidden units of ROWS sequences, at all steps, and keeps their recurrent weights in registers. The
programs of the same sequences exchange their results through memory at every step. Each number carries the parity of its
turn in its lowest bit, so a reader sees whether it has arrived: there is no barrier and no flag. Two slots suffice: a
program writes a slot again only after it has received what all others computed from the numbers before.

    T  steps      B  sequences      H  hidden units (PADDED: to a power of two)      G  gates (GROUP: likewise)
"""

import triton
import triton.language as tl
from cell import EXTRAS, GATES, GROUP, SAVED, STATES, cell_gradient, cell_step


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
    """Gates [ROWS, UNITS] from columns [ROWS, UNITS x SIZE] that hold the gates of a unit side by side."""
    gates = ()
    if SIZE == 1:
        gates = (columns,)
    else:
        even, odd = tl.split(tl.reshape(columns, [ROWS, UNITS * SIZE // 2, 2]))
        evens, odds = ungroup(even, ROWS, UNITS, SIZE // 2), ungroup(odd, ROWS, UNITS, SIZE // 2)
        for g in tl.static_range(SIZE // 2):
            gates = gates + (evens[g], odds[g])
    return gates


@triton.jit
def group(gates, ROWS: tl.constexpr, UNITS: tl.constexpr, SIZE: tl.constexpr):
    """Inverse of `ungroup`."""
    columns = gates[0]
    if SIZE > 1:
        evens, odds = (), ()
        for g in tl.static_range(SIZE // 2):
            evens = evens + (gates[2 * g],)
            odds = odds + (gates[2 * g + 1],)
        even, odd = group(evens, ROWS, UNITS, SIZE // 2), group(odds, ROWS, UNITS, SIZE // 2)
        columns = tl.reshape(tl.join(even, odd), [ROWS, UNITS * SIZE])
    return columns


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


@triton.jit
def forward_kernel(
    x_proj,  # [T, B, G, H]
    weight_hh,  # [G, H, H]
    extra_weights,  # [EXTRAS, H]
    states,  # for each part of the state [T + 1, B, H], the initial one first
    saved_values,  # [T, B, SAVED, H]
    keep_mask,  # [T, B], 0 where the state is set to zero before a step
    exchange,  # [2, tiles, ROWS, PADDED], zero
    T,
    B,
    H,
    first_tile,
    IS_SAVING: tl.constexpr,
    HAS_RESETS: tl.constexpr,
    TF32: tl.constexpr,
    ROWS: tl.constexpr,
    UNITS: tl.constexpr,
    PADDED: tl.constexpr,
    SPLITS: tl.constexpr,
    STORE: tl.constexpr,
    WAIT: tl.constexpr,
    CONSTRAINTS: tl.constexpr,
    PACK: tl.constexpr,
):
    """States of all steps, and the values that the gradient needs."""
    tile, part = tl.program_id(0), tl.program_id(1)
    row, column = tl.arange(0, ROWS), tl.arange(0, UNITS)
    sequence, unit = (first_tile + tile) * ROWS + row, part * UNITS + column
    in_batch = sequence < B
    inside = in_batch[:, None] & (unit < H)[None, :]
    own = sequence[:, None] * H + unit[None, :]

    # The sum over the hidden units is divided among the warps, so that each has independent products.
    DEPTH: tl.constexpr = PADDED // SPLITS
    hidden = tl.arange(0, SPLITS)[:, None] * DEPTH + tl.arange(0, DEPTH)[None, :]
    k = hidden[:, :, None]
    gate_column = tl.arange(0, UNITS * GROUP)
    gate, gate_unit = gate_column % GROUP, part * UNITS + gate_column // GROUP
    in_gate = (gate < GATES) & (gate_unit < H)
    weight_row = (gate * H + gate_unit) * H
    weight_pointers = weight_hh + weight_row[None, None, :] + k
    weight = tl.load(weight_pointers, mask=in_gate[None, None, :] & (k < H), other=0.0)
    weight_high, weight_low = split_float(weight)

    extra = ()
    for e in tl.static_range(EXTRAS):
        values = tl.load(extra_weights + e * H + unit, mask=unit < H, other=0.0)
        extra = extra + (tl.broadcast_to(values[None, :], [ROWS, UNITS]),)
    state = ()
    for s in tl.static_range(STATES):
        state = state + (tl.load(states[s] + own, mask=inside, other=0.0),)

    slot_size = tl.num_programs(0) * ROWS * PADDED
    inbox = exchange + (tile * ROWS + row)[None, :, None] * PADDED + hidden[:, None, :]
    outbox = exchange + (tile * ROWS + row)[:, None] * PADDED + unit[None, :]
    publish(outbox, state[0], 0, STORE)
    step = tl.cast(0, tl.int64)
    for t in range(T):
        # Loads that wait for no other program come first.
        x = ()
        for g in tl.static_range(GATES):
            pointers = x_proj + step * (B * GATES * H) + (sequence[:, None] * GATES + g) * H + unit[None, :]
            x = x + (tl.load(pointers, mask=inside, other=0.0),)
        if HAS_RESETS:
            keep = tl.load(keep_mask + step * B + sequence, mask=in_batch, other=0.0)[:, None] > 0
            kept = ()
            for s in tl.static_range(STATES):
                kept = kept + (tl.where(keep, state[s], 0.0),)
            state = kept
        h_all = receive(inbox + (t & 1) * slot_size, t, WAIT, CONSTRAINTS, PACK)
        if HAS_RESETS:
            h_all = tl.where(keep[None, :, :], h_all, 0.0)
        h_proj = tl.sum(product(h_all, weight_high, weight_low, TF32), 0)
        state, saved = cell_step(x, ungroup(h_proj, ROWS, UNITS, GROUP), state, extra)
        h = tl.where(inside, state[0], 0.0)
        publish(outbox + ((t + 1) & 1) * slot_size, h, t + 1, STORE)
        if IS_SAVING:
            for v in tl.static_range(SAVED):
                pointers = saved_values + step * (B * SAVED * H) + (sequence[:, None] * SAVED + v) * H + unit[None, :]
                tl.store(pointers, saved[v], mask=inside)
        step += 1
        for s in tl.static_range(STATES):
            tl.store(states[s] + step * (B * H) + own, state[s], mask=inside)


@triton.jit
def backward_kernel(
    weight_hh,  # [G, H, H]
    extra_weights,  # [EXTRAS, H]
    states,  # for each part of the state [T + 1, B, H], the initial one first
    saved_values,  # [T, B, SAVED, H]
    keep_mask,  # [T, B]
    d_states,  # for each part [B, T, H] with the strides below, or None
    strides_b,
    strides_t,
    d_state,  # [STATES, B, H], of the final state; at the end, of the initial one
    d_x_projs,  # [T, B, G, H]
    d_h_projs,  # likewise; None if the cell uses only the sum of both
    d_extra_weights,  # [tiles, EXTRAS, H]
    exchange,  # [2, tiles, parts, parts, ROWS, UNITS], zero
    T,
    B,
    H,
    first_tile,
    HAS_RESETS: tl.constexpr,
    TF32: tl.constexpr,
    ROWS: tl.constexpr,
    UNITS: tl.constexpr,
    PADDED: tl.constexpr,
    STORE: tl.constexpr,
    WAIT: tl.constexpr,
    CONSTRAINTS: tl.constexpr,
    PACK: tl.constexpr,
):
    """Gradients of the projections at all steps, of the initial state and of the extra weights."""
    PARTS: tl.constexpr = PADDED // UNITS
    tile, part = tl.program_id(0), tl.program_id(1)
    row, column, hidden = tl.arange(0, ROWS), tl.arange(0, UNITS), tl.arange(0, PADDED)
    sequence, unit = (first_tile + tile) * ROWS + row, part * UNITS + column
    in_batch = sequence < B
    inside = in_batch[:, None] & (unit < H)[None, :]
    own = sequence[:, None] * H + unit[None, :]

    gate_column = tl.arange(0, UNITS * GROUP)
    gate, gate_unit = gate_column % GROUP, part * UNITS + gate_column // GROUP
    in_gate = (gate < GATES) & (gate_unit < H)
    weight_pointers = weight_hh + ((gate * H + gate_unit) * H)[:, None] + hidden[None, :]
    weight = tl.load(weight_pointers, mask=in_gate[:, None] & (hidden < H)[None, :], other=0.0)
    weight_high, weight_low = split_float(weight)

    extra, d_extra = (), ()
    for e in tl.static_range(EXTRAS):
        values = tl.load(extra_weights + e * H + unit, mask=unit < H, other=0.0)
        extra = extra + (tl.broadcast_to(values[None, :], [ROWS, UNITS]),)
        d_extra = d_extra + (tl.zeros([ROWS, UNITS], tl.float32),)
    d_next = ()
    for s in tl.static_range(STATES):
        d_next = d_next + (tl.load(d_state + s * B * H + own, mask=inside, other=0.0),)

    slot_size = tl.num_programs(0) * PARTS * ROWS * PADDED
    source, destination = tl.arange(0, PARTS)[:, None, None], (hidden // UNITS)[None, :]
    inbox = exchange + ((tile * PARTS + part) * PARTS + source) * ROWS * UNITS
    inbox = inbox + row[None, :, None] * UNITS + column[None, None, :]
    outbox = exchange + (((tile * PARTS + destination) * PARTS + part) * ROWS + row[:, None]) * UNITS
    outbox = outbox + (hidden % UNITS)[None, :]
    step = tl.cast(T, tl.int64)
    for turn in range(T):
        step -= 1
        saved, state, d_after = (), (), ()
        for v in tl.static_range(SAVED):
            pointers = saved_values + step * (B * SAVED * H) + (sequence[:, None] * SAVED + v) * H + unit[None, :]
            saved = saved + (tl.load(pointers, mask=inside, other=0.0),)
        if HAS_RESETS:
            keep = tl.load(keep_mask + step * B + sequence, mask=in_batch, other=0.0)[:, None] > 0
        for s in tl.static_range(STATES):
            before = tl.load(states[s] + step * (B * H) + own, mask=inside, other=0.0)
            if HAS_RESETS:
                before = tl.where(keep, before, 0.0)
            state = state + (before,)
            d_output = d_next[s]
            if d_states[s] is not None:
                pointers = d_states[s] + step * strides_t[s] + sequence[:, None] * strides_b[s] + unit[None, :]
                d_output = d_output + tl.load(pointers, mask=inside, other=0.0)
            d_after = d_after + (d_output,)
        d_x, d_h, d_direct, d_added = cell_gradient(saved, state, extra, d_after)
        d_group = ()
        for g in tl.static_range(GROUP):
            if g < GATES:
                d_group = d_group + (tl.where(inside, d_h[g], 0.0),)
            else:
                d_group = d_group + (tl.zeros([ROWS, UNITS], tl.float32),)
        d_columns = group(d_group, ROWS, UNITS, GROUP)
        d_parts = product(d_columns, weight_high, weight_low, TF32)
        publish(outbox + (turn & 1) * slot_size, d_parts, turn, STORE)
        for g in tl.static_range(GATES):
            offsets = step * (B * GATES * H) + (sequence[:, None] * GATES + g) * H + unit[None, :]
            tl.store(d_x_projs + offsets, d_x[g], mask=inside)
            if d_h_projs is not None:
                tl.store(d_h_projs + offsets, d_h[g], mask=inside)
        sums = ()
        for e in tl.static_range(EXTRAS):
            sums = sums + (d_extra[e] + tl.where(inside, d_added[e], 0.0),)
        d_extra = sums
        received = tl.sum(receive(inbox + (turn & 1) * slot_size, turn, WAIT, CONSTRAINTS, PACK), 0)
        d_before = (d_direct[0] + received,)
        for s in tl.static_range(1, STATES):
            d_before = d_before + (d_direct[s],)
        if HAS_RESETS:
            kept = ()
            for s in tl.static_range(STATES):
                kept = kept + (tl.where(keep, d_before[s], 0.0),)
            d_before = kept
        d_next = d_before

    for s in tl.static_range(STATES):
        tl.store(d_state + s * B * H + own, d_next[s], mask=inside)
    for e in tl.static_range(EXTRAS):
        pointers = d_extra_weights + ((first_tile + tile) * EXTRAS + e) * H + unit
        tl.store(pointers, tl.sum(d_extra[e], 0), mask=unit < H)
