"""Backward pass: the whole time loop in one launch, from the last step to the first.

A program multiplies the gradients of its own gates by its recurrent weights, which gives a part of dL/dh for all units,
and sends each other program the part of that one's units.

    T  steps      B  sequences      H  hidden units (PADDED: to a power of two)      G  gates (GROUP: likewise)
"""

import triton
import triton.language as tl
from blocks import group, product, publish, receive, split_float
from cell import EXTRAS, GATES, GROUP, SAVED, STATES, cell_gradient


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
    # Long: one launch is one function, and its arguments are all that it reads and writes.
    PARTS: tl.constexpr = PADDED // UNITS
    tile, part = tl.program_id(0), tl.program_id(1)
    row, column, hidden = tl.arange(0, ROWS), tl.arange(0, UNITS), tl.arange(0, PADDED)
    sequence, unit = (first_tile + tile) * ROWS + row, part * UNITS + column
    in_batch = sequence < B
    inside = in_batch[:, None] & (unit < H)[None, :]
    own = sequence[:, None] * H + unit[None, :]

    gate_column = tl.arange(0, UNITS * GROUP)
    PAIR: tl.constexpr = 2 if GROUP > 1 else 1  # a column is a gate's upper bits, its unit, and the gate's lowest bit
    gate = gate_column // (UNITS * PAIR) * PAIR + gate_column % PAIR
    gate_unit = part * UNITS + gate_column // PAIR % UNITS
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
            masked = ()
            for s in tl.static_range(STATES):
                masked = masked + (tl.where(keep, d_before[s], 0.0),)
            d_before = masked
        d_next = d_before

    for s in tl.static_range(STATES):
        tl.store(d_state + s * B * H + own, d_next[s], mask=inside)
    for e in tl.static_range(EXTRAS):
        pointers = d_extra_weights + ((first_tile + tile) * EXTRAS + e) * H + unit
        tl.store(pointers, tl.sum(d_extra[e], 0), mask=unit < H)
