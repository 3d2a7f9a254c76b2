// Forward pass: one product and the cell's step for a tile of sequences and units.
#pragma once

#include "packing.h"

namespace {

// Write x(t) and 1 into `gate_inputs`, for sequences first to last.
void write_inputs(const SequenceArgs& s, long t, long first, long last) {
    for (long b = first; b < last; b++) {
        const float* from = s.inputs + t * s.inputs_stride_t + b * s.inputs_stride_b;
        float* to = s.gate_inputs + (t * s.B + b) * s.KP + s.HP;
        for (long k = 0; k < s.I; k++) to[k] = from[k * s.inputs_stride_i];
        to[s.I] = 1;
    }
}

// Units with those that only pad the vector set to zero: the cell may compute NaN there, as in 0 / 0.
inline Vector zero_padding(const SequenceArgs& s, long j, Vector units) {
    for (long v = s.H - j * V; v < V; v++) units[v < 0 ? 0 : v] = 0;
    return units;
}

// One step of R sequences from b on, for the units of panel j: `next` state, and `saved` values for the gradient.
template <long R>
inline void compute_step(const SequenceArgs& s, const float* packed, long t, long b, long j, Vector (&next)[R][STATES],
                         Vector (&saved)[R][SAVED]) {
    const long skipped = t == 0 && s.zero_initial_state ? s.HP : 0;
    const float *row = s.gate_inputs + (t * s.B + b) * s.KP, *panel = packed + j * depth(s) * TILE;
    Vector projections[PROJECTIONS][R][GATES] = {};
    if (USES_ONLY_SUM) {
        multiply_add(projections[0], row + skipped, s.KP, 1, panel + skipped * TILE, TILE, depth(s) - skipped);
    } else {
        multiply_add(projections[0], row + s.HP, s.KP, 1, panel + s.HP * TILE, TILE, depth(s) - s.HP);
        if (!skipped) multiply_add(projections[PROJECTIONS - 1], row, s.KP, 1, panel, TILE, s.HP);
    }
    Vector extras[EXTRAS + 1];
    for (long e = 0; e < EXTRAS; e++) extras[e] = vector_at(s.extra_weights + e * s.HP + j * V);
    for (long r = 0; r < R; r++) {
        Vector state[STATES];
        state[0] = USES_HIDDEN ? vector_at(row + r * s.KP + j * V) : Vector{};
        for (long part = 1; part < STATES; part++) {
            state[part] = vector_at(other_state(s, part, t, b + r) + j * V);
            if (s.keep_mask) state[part] *= s.keep_mask[t * s.B + b + r];
        }
        cell_step(projections[0][r], projections[PROJECTIONS - 1][r], state, extras, next[r], saved[r]);
    }
}

// Write the saved values of R sequences from `row` on, for the units of panel j.
template <long R>
inline void write_saved(const SequenceArgs& s, long row, long j, const Vector (&saved)[R][SAVED], float* to) {
    for (long r = 0; r < R; r++)
        for (long k = 0; k < SAVED; k++) vector_at(to + ((row + r) * (s.HP / V) + j) * SAVED * V + k * V) = saved[r][k];
}

// One step of R sequences from b on, for the units of panel j, written to the buffers of `s`.
template <long R>
inline void forward_step(const SequenceArgs& s, const float* packed, long t, long b, long j) {
    Vector next[R][STATES], saved[R][SAVED];
    compute_step(s, packed, t, b, j, next, saved);
    const bool padded = (j + 1) * V > s.H;
    for (long r = 0; r < R; r++) {
        const long row = t * s.B + b + r;
        const Vector h = padded ? zero_padding(s, j, next[r][0]) : next[r][0];
        vector_at(s.gate_inputs + (row + s.B) * s.KP + j * V) = s.keep_mask ? h * s.keep_mask[row + s.B] : h;
        if (s.keep_mask) vector_at(s.hidden_states + row * s.HP + j * V) = h;
        for (long part = 1; part < STATES; part++)
            vector_at(other_state(s, part, t + 1, b + r) + j * V) =
                padded ? zero_padding(s, j, next[r][part]) : next[r][part];
    }
    if (s.saved_values) write_saved(s, t * s.B + b, j, saved, s.saved_values);
}

}  // namespace
