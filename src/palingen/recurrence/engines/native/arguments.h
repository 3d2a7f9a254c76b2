// Arguments of the two entry points, in the order of `arguments.py`, and the sizes that follow from the cell.
#pragma once

#include "product.h"

constexpr long PROJECTIONS = USES_ONLY_SUM ? 1 : 2;  // the step takes x_proj + h_proj, or x_proj and h_proj
constexpr long TILE = GATES * V;                     // floats of all gates of one vector of units
constexpr long MAX_THREADS = 256, MAX_STATES = 4, MAX_RUNS = 2;
constexpr long SUM_REGISTERS = REGISTERS * 3 / 4;    // vectors of a tile of sums; the others hold operands
constexpr long ROWS = SUM_REGISTERS / GATES < 1 ? 1 : SUM_REGISTERS / GATES > 8 ? 8 : SUM_REGISTERS / GATES;
constexpr long BACK_VECTORS = 4, BACK_ROWS = SUM_REGISTERS / BACK_VECTORS;
constexpr long WEIGHT_VECTORS = 3, WEIGHT_ROWS = SUM_REGISTERS / WEIGHT_VECTORS / 4 * 4;
constexpr long CACHED_FLOATS = 1 << 21;              // 8 MiB, about a core's part of the last cache

struct SequenceArgs {
    long T, B, H, I, HP, KP;     // HP: H in whole vectors; KP: floats in a row of `gate_inputs`
    const float *weight_hh;      // [GATES H, H]
    const float *weight_ih;      // [GATES H, I]
    const float *bias;           // [GATES H]
    const float *const *extra_weights;  // [H] each
    const float *inputs;         // [T, B, I] with these strides; backwards in time with a negative one
    long inputs_stride_t, inputs_stride_b, inputs_stride_i;
    const float *initial_state[MAX_STATES];  // [B, H] each, or null: zero
    long initial_state_stride_b[MAX_STATES];
    long slots;                  // steps whose states are kept: T + 1, or 2 where nobody reads them
    float *gate_inputs;          // [slots, B, KP]; slot 0 holds the initial h, step t writes the slot of t + 1. Null if
    float *other_states;         // [STATES - 1, slots, B, HP]; likewise for the other parts of the state   slots is 2
    float *saved_values;         // [T, HP / V, B, SAVED, V] for the gradient; null: recompute instead
    const float *keep_mask;      // [T + 1, B]; 0 resets the state before a step. Null: no resets
    float *hidden_states;        // [T, B, H] with these strides: h before any reset, as an output. Null: not needed
    long hidden_states_stride_t, hidden_states_stride_b;
    float *final_state[MAX_STATES];  // [B, H] each
    long threads;
};

struct GradientArgs {
    const float *d_states[MAX_STATES];  // gradient of each part of the state at every step, [T, B, H], or null
    long d_states_stride_t[MAX_STATES], d_states_stride_b[MAX_STATES];
    long d_states_stride_u[MAX_STATES];           // 1, or 0 for a gradient that all units share, as that of a sum
    const float *d_final_state[MAX_STATES];       // [B, H], or null
    float *d_weight_hh, *d_weight_ih, *d_bias;    // like the weights
    float *d_extra_weights;                       // [EXTRAS, H]
    float *d_initial_state[MAX_STATES];           // [B, H], or null: not needed
    float *d_inputs;                              // [T, B, I] with these strides, or null: not needed
    long d_inputs_stride_t, d_inputs_stride_b;
    long adds_to_inputs;                          // whether `d_inputs` holds the gradient of another run, to add to
    long recompute;                               // whether `saved_values` are those of the past
};

inline long depth(const SequenceArgs& s) { return s.HP + s.I; }
inline long panel_size(const SequenceArgs& s) { return (words(depth(s)) + 1) * TILE; }  // weights, then the bias
inline long width(const SequenceArgs& s) { return GATES * s.HP; }
inline bool zero_initial_state(const SequenceArgs& s) { return !s.initial_state[0]; }  // needs no product
inline long panels(const SequenceArgs& s) { return s.HP / V; }

// Where the state before step t is kept.
inline long slot(const SequenceArgs& s, long t) { return s.slots == 2 ? t & 1 : t; }

// Row of `gate_inputs` of sequence b at step t.
inline float* gate_input(const SequenceArgs& s, long t, long b) {
    return s.gate_inputs + (slot(s, t) * s.B + b) * s.KP;
}

// Where h after step t of sequence b goes as an output.
inline float* hidden_state(const SequenceArgs& s, long t, long b) {
    return s.hidden_states + t * s.hidden_states_stride_t + b * s.hidden_states_stride_b;
}

// Values saved at step t for sequence b and the units of panel j.
inline float* saved_value(const SequenceArgs& s, long t, long b, long j) {
    return s.saved_values + ((t * panels(s) + j) * s.B + b) * SAVED * V;
}

// Row b of part `part` (from 1) of the state before step t.
inline float* other_state(const SequenceArgs& s, long part, long t, long b) {
    return s.other_states + (((part - 1) * s.slots + slot(s, t)) * s.B + b) * s.HP;
}
