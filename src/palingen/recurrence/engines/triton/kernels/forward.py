"""Forward pass: the whole time loop in one launch.

A program computes UNITS hidden units of ROWS sequences at all steps. Its recurrent weights stay in the multiprocessor.

    T  steps      B  sequences      H  hidden units (PADDED: to a power of two)      G  gates (GROUP: likewise)
"""

import triton
import triton.language as tl
from blocks import product, publish, receive, split_float, sum_splits, ungroup
from cell import EXTRAS, GATES, GROUP, SAVED, STATES, cell_step


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
    # Long: one launch is one function, and its arguments are all that it reads and writes.
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
    PAIR: tl.constexpr = 2 if GROUP > 1 else 1  # a column is a gate's upper bits, its unit, and the gate's lowest bit
    gate = gate_column // (UNITS * PAIR) * PAIR + gate_column % PAIR
    gate_unit = part * UNITS + gate_column // PAIR % UNITS
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
            masked = ()
            for s in tl.static_range(STATES):
                masked = masked + (tl.where(keep, state[s], 0.0),)
            state = masked
        h_all = receive(inbox + (t & 1) * slot_size, t, WAIT, CONSTRAINTS, PACK)
        if HAS_RESETS:
            h_all = tl.where(keep[None, :, :], h_all, 0.0)
        h_proj = sum_splits(product(h_all, weight_high, weight_low, TF32), SPLITS, ROWS, UNITS * GROUP)
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
