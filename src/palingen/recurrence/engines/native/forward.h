// Forward pass: one product and the cell's step for a tile of sequences and units.
#pragma once

#include "packing.h"

namespace {

// Write x(t) and 1 into `gate_inputs`, for sequences first to last.
void write_inputs(const SequenceArgs& s, long t, long first, long last) {
    for (long b = first; b < last; b++) {
        const float* from = s.inputs + t * s.inputs_stride_t + b * s.inputs_stride_b;
        float* to = gate_input(s, t, b) + s.HP;
        if (s.inputs_stride_i == 1) std::memcpy(to, from, s.I * sizeof(float));
        else
            for (long k = 0; k < s.I; k++) to[k] = from[k * s.inputs_stride_i];
        to[s.I] = 1;
        for (long k = s.I + 1; k < s.KP - s.HP; k++) to[k] = 0;
    }
}

// Write the initial state to slot 0, for the sequences and units of one thread; h after the reset, if there is one.
void write_initial_state(const SequenceArgs& s, const Part& part) {
    for (long b = part.sequences.first; b < part.sequences.last; b++)
        for (long u = part.panels.first * V; u < part.panels.last * V; u += V)
            for (long i = 0; i < STATES; i++) {
                const float* from = s.initial_state[i];
                const Vector units = from ? load_units(from + b * s.initial_state_stride_b[i] + u, s.H - u) : Vector{};
                if (i) vector_at(other_state(s, i, 0, b) + u) = units;
                else vector_at(gate_input(s, 0, b) + u) = s.keep_mask ? units * s.keep_mask[b] : units;
            }
}

void write_final_state(const SequenceArgs& s, const Part& part) {
    for (long b = part.sequences.first; b < part.sequences.last; b++)
        for (long u = part.panels.first * V; u < part.panels.last * V; u += V)
            for (long i = 0; i < STATES; i++) {
                const float* from = i ? other_state(s, i, s.T, b) : gate_input(s, s.T, b);
                store_units(s.final_state[i] + b * s.H + u, vector_at(from + u), s.H - u);
            }
}

// Units with those that only pad the vector set to zero: the cell may compute NaN there, as in 0 / 0.
inline Vector zero_padding(const SequenceArgs& s, long j, Vector units) {
    for (long v = s.H - j * V; v < V; v++) units[v < 0 ? 0 : v] = 0;
    return units;
}

// Factors of the forward product, rows of words [sequences, stride].
struct Rows {
    const float* first;
    long stride;

    // Rows of `gate_inputs` at step t; in bfloat16 a copy, for sequences first to last.
    Rows(const SequenceArgs& s, long t, Range sequences) : first(gate_input(s, t, 0)), stride(s.KP) {
        if (!BFLOAT16) return;
        stride = (s.KP + 2 * V - 1) / (2 * V) * V;
        float* copy = scratch<6>(s.B * stride);
        for (long b = sequences.first; b < sequences.last; b++) pack_row(gate_input(s, t, b), s.KP, copy + b * stride);
        first = copy;
    }
};

// Products of R rows with a panel of weights, over the columns first to last.
template <long R>
inline void project(const Rows& rows, long b, const float* panel, long first, long last, Vector (&sums)[R][GATES]) {
    multiply_add(sums, Factors{rows.first + b * rows.stride + first / PAIR, rows.stride, 1, 0},
                 Columns{panel + first / PAIR * TILE, TILE, 0}, words(last - first));
}

// Projections of the inputs of several steps at once. For few sequences a product takes as long as reading its weights.
struct InputProjections {
    static constexpr long MAX_ROWS = 8 * ROWS;
    const SequenceArgs& s;
    const Part& part;
    const long steps;  // computed at once; 0 where each step computes its own
    float* memory;     // [steps, panels, sequences, TILE]

    InputProjections(const SequenceArgs& s, const Part& part)
        : s(s), part(part), steps(BFLOAT16 || 2 * s.B > ROWS || s.T < 2 ? 0 : MAX_ROWS / s.B) {
        if (steps) memory = scratch<10>(steps * part.sequences.size() * width(s));
    }

    float* at(long t, long b, long j) const {
        if (!steps) return nullptr;
        return memory + ((t % steps * panels(s) + j) * part.sequences.size() + b - part.sequences.first) * TILE;
    }

    // Compute those of the steps from t on.
    void compute(const float* packed, long t) const {
        const long end = t + steps < s.T ? t + steps : s.T;
        for (long j = part.panels.first; j < part.panels.last; j++)
            for (long b = part.sequences.first; b < part.sequences.last; b++)
                for_even_blocks<ROWS>(t, end, [&](auto R, long first) { compute_tile<R>(packed, first, b, j); });
    }

    template <long R>
    void compute_tile(const float* packed, long t, long b, long j) const {
        const float *panel = packed + j * panel_size(s), *bias = panel + depth(s) * TILE;
        Vector sums[R][GATES];
        for (long r = 0; r < R; r++)
            for (long gate = 0; gate < GATES; gate++) sums[r][gate] = vector_at(bias + gate * V);
        multiply_add(sums,
                     Factors{s.inputs + t * s.inputs_stride_t + b * s.inputs_stride_b, s.inputs_stride_t,
                             s.inputs_stride_i, 0},
                     Columns{panel + s.HP * TILE, TILE, 0}, s.I);
        for (long r = 0; r < R; r++)
            for (long gate = 0; gate < GATES; gate++) vector_at(at(t + r, b, j) + gate * V) = sums[r][gate];
    }
};

// One step of R sequences from b on, for the units of panel j: `next` state, and `saved` values for the gradient.
// Never inlined, so that it is compiled once for the forward pass and for a backward pass that recomputes.
// `x_projs` [R, TILE]: projections of the inputs, if they are known already.
template <long R>
__attribute__((noinline)) void compute_step(const SequenceArgs& s, const Rows& rows, const float* packed,
                                            const float* x_projs, long t, long b, long j, Vector (&next)[R][STATES],
                                            Vector (&saved)[R][SAVED]) {
    const long skipped = t == 0 && zero_initial_state(s) ? s.HP : 0;
    const float* panel = packed + j * panel_size(s);
    const float* start = x_projs ? x_projs : panel + words(depth(s)) * TILE;  // the bias
    Vector projections[PROJECTIONS][R][GATES] = {};
    for (long r = 0; r < R; r++)
        for (long gate = 0; gate < GATES; gate++)
            projections[0][r][gate] = vector_at(start + (x_projs ? r * TILE : 0) + gate * V);
    if (USES_ONLY_SUM) {
        project(rows, b, panel, skipped, x_projs ? s.HP : depth(s), projections[0]);
    } else {
        if (!x_projs) project(rows, b, panel, s.HP, depth(s), projections[0]);
        project(rows, b, panel, skipped, s.HP, projections[PROJECTIONS - 1]);
    }
    Vector extras[EXTRAS + 1];
    for (long e = 0; e < EXTRAS; e++) extras[e] = load_units(s.extra_weights[e] + j * V, s.H - j * V);
#pragma GCC unroll 8  // rows are independent: their chains of operations overlap
    for (long r = 0; r < R; r++) {
        Vector state[STATES];
        state[0] = USES_HIDDEN ? vector_at(gate_input(s, t, b + r) + j * V) : Vector{};
        for (long part = 1; part < STATES; part++) {
            state[part] = vector_at(other_state(s, part, t, b + r) + j * V);
            if (s.keep_mask) state[part] *= s.keep_mask[t * s.B + b + r];
        }
        cell_step(projections[0][r], projections[PROJECTIONS - 1][r], state, extras, next[r], saved[r]);
    }
}

// Write the saved values of R sequences, for the units of a panel. More of them than a cache holds are written around it:
// the cache would first read what they replace.
template <long R>
inline void write_saved(const Vector (&saved)[R][SAVED], float* to, bool around_cache) {
    for (long i = 0; i < R * SAVED; i++)
        if (around_cache) stream(to + i * V, saved[i / SAVED][i % SAVED]);
        else vector_at(to + i * V) = saved[i / SAVED][i % SAVED];
}

// One step of R sequences from b on, for the units of panel j, written to the buffers of `s`.
template <long R>
inline void forward_step(const SequenceArgs& s, const Rows& rows, const float* packed, const float* x_projs, long t,
                         long b, long j) {
    Vector next[R][STATES], saved[R][SAVED];
    compute_step(s, rows, packed, x_projs, t, b, j, next, saved);
    const bool padded = (j + 1) * V > s.H;
    for (long r = 0; r < R; r++) {
        const long row = t * s.B + b + r;
        const Vector h = padded ? zero_padding(s, j, next[r][0]) : next[r][0];
        vector_at(gate_input(s, t + 1, b + r) + j * V) = s.keep_mask ? h * s.keep_mask[row + s.B] : h;
        if (s.hidden_states) store_units(hidden_state(s, t, b + r) + j * V, h, s.H - j * V);
        for (long part = 1; part < STATES; part++)
            vector_at(other_state(s, part, t + 1, b + r) + j * V) =
                padded ? zero_padding(s, j, next[r][part]) : next[r][part];
    }
    if (s.saved_values)
        write_saved(saved, saved_value(s, t, b, j), s.T * s.B * s.HP * SAVED > CACHED_FLOATS);
}

// All steps, for the sequences and units of one thread. Where threads divide the units, a step reads what every thread
// wrote in the step before.
void run_forward(const SequenceArgs& s, const float* packed, const Part& part) {
    const InputProjections projections(s, part);
    const bool copies_inputs = !projections.steps || s.slots > 2;  // the weight gradients read the copies
    write_initial_state(s, part);
    if (copies_inputs) write_inputs(s, 0, part.inputs.first, part.inputs.last);
    part.wait();
    for (long t = 0; t < s.T; t++) {
        if (copies_inputs && t + 1 < s.T) write_inputs(s, t + 1, part.inputs.first, part.inputs.last);
        if (projections.steps && t % projections.steps == 0) projections.compute(packed, t);
        const Rows rows(s, t, part.sequences);
        for (long j = part.panels.first; j < part.panels.last; j++)
            for_even_blocks<ROWS>(part.sequences.first, part.sequences.last, [&](auto R, long b) {
                forward_step<R>(s, rows, packed, projections.at(t, b, j), t, b, j);
            });
        part.wait();
    }
    write_final_state(s, part);
}

}  // namespace
