// Backward pass of one thread: back through the steps of its sequences, and the weight gradients summed over them.
#pragma once

#include <utility>

#include "forward.h"

namespace {

struct BackwardPass {
    const SequenceArgs& s;
    const GradientArgs& d;
    const float *packed_forward;    // packed weights; null where the values of every step were saved
    const float *packed_backward;
    long first, last;               // sequences of this thread
    float *d_projs_next, *d_projs;  // [PROJECTIONS, sequences, GATES HP] for the projections of steps t + 1 and t
    float *d_state;                 // [STATES, sequences, HP] dL/d(state after step t), without the recurrent product
    float *recomputed;              // [sequences, HP / V, SAVED, V] values of step t, if they were not saved
    float *d_weights;               // [GATES HP, KP] weight gradients, summed over the sequences
    float *d_extras;                // [EXTRAS, HP], likewise

    BackwardPass(const SequenceArgs& s, const GradientArgs& d, const float* packed_forward,
                 const float* packed_backward, long first, long last)
        : s(s), d(d), packed_forward(packed_forward), packed_backward(packed_backward), first(first), last(last) {
        const long projections = PROJECTIONS * rows() * width(s), states = STATES * rows() * s.HP;
        const long values = s.saved_values ? 0 : rows() * s.HP * SAVED, weights = width(s) * s.KP;
        float* memory = scratch<2>(2 * projections + states + values + weights + EXTRAS * s.HP);
        d_projs_next = memory;
        d_projs = d_projs_next + projections;
        d_state = d_projs + projections;
        recomputed = d_state + states;
        d_weights = recomputed + values;
        d_extras = d_weights + weights;
    }

    long rows() const { return last - first; }
    float* h_proj_part(float* projections) const { return projections + (PROJECTIONS - 1) * rows() * width(s); }

    // dL/dh through the recurrent product of step t + 1, for R sequences and N vectors of units from n on.
    template <long R, long N>
    void recurrent_gradient(long b, long n, Vector (&sums)[R][N]) const {
        const long panel = n / BACK_VECTORS * BACK_VECTORS, left = s.HP / V - panel;
        const long columns = (left < BACK_VECTORS ? left : BACK_VECTORS) * V;
        multiply_add(sums, h_proj_part(d_projs_next) + (b - first) * width(s), width(s), 1,
                     packed_backward + panel * V * width(s) + (n - panel) * V, columns, width(s));
    }

    template <long R, long N>
    void step(long t, long b, long n) const {
        Vector d_hidden[R][N] = {};
        if (t < s.T - 1) recurrent_gradient(b, n, d_hidden);
        for (long r = 0; r < R; r++)
            for (long m = n; m < n + N; m++) step_of_vector(t, b + r, m, d_hidden[r][m - n]);
    }

    // Gradient of one sequence's step for the m-th vector of units.
    void step_of_vector(long t, long b, long m, Vector d_hidden) const {
        const long row = t * s.B + b, local = b - first, u = m * V;
        Vector state[STATES] = {}, d_next[STATES], d_previous[STATES], d_projections[PROJECTIONS][GATES];
        Vector extra[EXTRAS + 1], d_extra[EXTRAS + 1], saved[SAVED];
        if (s.keep_mask && t < s.T - 1) d_hidden *= s.keep_mask[row + s.B];
        state[0] = vector_at(s.gate_inputs + row * s.KP + u);
        for (long part = 0; part < STATES; part++) {
            if (part) {
                state[part] = vector_at(other_state(s, part, t, b) + u);
                if (s.keep_mask) state[part] *= s.keep_mask[row];
            }
            d_next[part] = state_gradient(part, t, b, u);
        }
        d_next[0] += d_hidden;
        for (long e = 0; e < EXTRAS; e++) extra[e] = vector_at(s.extra_weights + e * s.HP + u);
        const float* from = s.saved_values ? s.saved_values + (row * (s.HP / V) + m) * SAVED * V
                                           : recomputed + (local * (s.HP / V) + m) * SAVED * V;
        for (long k = 0; k < SAVED; k++) saved[k] = vector_at(from + k * V);
        cell_gradient(saved, state, extra, d_next, d_projections[0], d_projections[PROJECTIONS - 1], d_previous,
                      d_extra);
        write_gradients(row, local, m, d_projections, d_previous);
        for (long e = 0; e < EXTRAS; e++) vector_at(d_extras + e * s.HP + u) += d_extra[e];
    }

    // dL/d(part of the state after step t) for V units from u on, without the recurrent product.
    inline Vector state_gradient(long part, long t, long b, long u) const {
        Vector sum = vector_at(d_state + (part * rows() + b - first) * s.HP + u);
        sum += output_gradient(d.d_states[part], t * d.d_states_stride_t[part] + b * d.d_states_stride_b[part], u);
        if (t == s.T - 1) sum += output_gradient(d.d_final_state[part], b * s.H, u);
        return sum;
    }

    // V units from u on of an output's gradient, which has no memory beyond H.
    Vector output_gradient(const float* gradient, long row, long u) const {
        if (!gradient) return Vector{};
        const float* from = gradient + row + u;
        if (u + V <= s.H) return *reinterpret_cast<const UnalignedVector*>(from);
        Vector units{};
        for (long v = 0; v < s.H - u; v++) units[v] = from[v];
        return units;
    }

    // Write the gradients of a step's projections and previous state, for the m-th vector of units.
    inline void write_gradients(long row, long local, long m, const Vector (&d_projections)[PROJECTIONS][GATES],
                                const Vector (&d_previous)[STATES]) const {
        const bool padded = (m + 1) * V > s.H;
        for (long part = 0; part < PROJECTIONS; part++)
            for (long gate = 0; gate < GATES; gate++)
                vector_at(d_projs + (part * rows() + local) * width(s) + m * TILE + gate * V) =
                    padded ? zero_padding(s, m, d_projections[part][gate]) : d_projections[part][gate];
        for (long part = USES_HIDDEN ? 0 : 1; part < STATES; part++) {
            const Vector gradient = padded ? zero_padding(s, m, d_previous[part]) : d_previous[part];
            vector_at(d_state + (part * rows() + local) * s.HP + m * V) =
                s.keep_mask ? gradient * s.keep_mask[row] : gradient;
        }
    }

    // d_weights[g..g+R, n..n+N] += (gradients of a projection)^T gate_inputs, over the sequences of this thread.
    template <long R, long N>
    void add_weight_tile(const float* gradients, long t, long g, long n) const {
        Vector sums[R][N];
        for (long r = 0; r < R; r++)
            for (long m = 0; m < N; m++) sums[r][m] = vector_at(d_weights + (g + r) * s.KP + (n + m) * V);
        multiply_add(sums, gradients + g, 1, width(s), s.gate_inputs + (t * s.B + first) * s.KP + n * V, s.KP, rows());
        for (long r = 0; r < R; r++)
            for (long m = 0; m < N; m++) vector_at(d_weights + (g + r) * s.KP + (n + m) * V) = sums[r][m];
    }

    void add_weight_columns(const float* gradients, long t, long from, long to) const {
        for_blocks<WEIGHT_VECTORS>(from, to, [&](auto vectors, long n) {
            for_blocks<WEIGHT_ROWS>(0, width(s), [&](auto rows, long g) {
                add_weight_tile<rows, vectors>(gradients, t, g, n);
            });
        });
    }

    // Add step t to the weight gradients.
    void add_weight_gradients(long t) const {
        const long hidden_vectors = s.HP / V, skipped = t == 0 && s.zero_initial_state ? hidden_vectors : 0;
        if (USES_ONLY_SUM) {
            add_weight_columns(d_projs, t, skipped, s.KP / V);
        } else {
            add_weight_columns(h_proj_part(d_projs), t, skipped, hidden_vectors);
            add_weight_columns(d_projs, t, hidden_vectors, s.KP / V);
        }
    }

    void run() {
        const long hidden_vectors = s.HP / V;
        std::memset(d_state, 0, STATES * rows() * s.HP * sizeof(float));
        std::memset(d_weights, 0, width(s) * s.KP * sizeof(float));
        std::memset(d_extras, 0, EXTRAS * s.HP * sizeof(float));
        for (long t = s.T - 1; t >= 0; t--) {
            if (!s.saved_values)
                for (long j = 0; j < hidden_vectors; j++)
                    for_even_blocks<ROWS>(first, last, [&](auto rows, long b) { recompute_step<rows>(t, b, j); });
            for_blocks<BACK_VECTORS>(0, hidden_vectors, [&](auto vectors, long n) {
                for_even_blocks<BACK_ROWS>(first, last, [&](auto rows, long b) { step<rows, vectors>(t, b, n); });
            });
            add_weight_gradients(t);
            if (d.d_x_projs)
                std::memcpy(d.d_x_projs + (t * s.B + first) * width(s), d_projs, rows() * width(s) * sizeof(float));
            std::swap(d_projs, d_projs_next);
        }
        write_initial_state_gradient();
    }

    void write_initial_state_gradient() const {
        if (!d.d_initial_state[0]) return;
        for_blocks<BACK_VECTORS>(0, s.HP / V, [&](auto vectors, long n) {
            for_even_blocks<BACK_ROWS>(first, last, [&](auto rows, long b) { initial_hidden<rows, vectors>(b, n); });
        });
        for (long part = 1; part < STATES; part++)
            std::memcpy(d.d_initial_state[part] + first * s.HP, d_state + part * rows() * s.HP,
                        rows() * s.HP * sizeof(float));
    }

    template <long R>
    void recompute_step(long t, long b, long j) const {
        Vector next[R][STATES], values[R][SAVED];
        compute_step(s, packed_forward, t, b, j, next, values);
        write_saved(s, b - first, j, values, recomputed);
    }

    // Gradient of the initial h, for R sequences and N vectors of units from n on.
    template <long R, long N>
    void initial_hidden(long b, long n) const {
        Vector d_hidden[R][N] = {};
        recurrent_gradient(b, n, d_hidden);
        for (long r = 0; r < R; r++)
            for (long m = 0; m < N; m++) {
                Vector sum = s.keep_mask ? d_hidden[r][m] * s.keep_mask[b + r] : d_hidden[r][m];
                if (USES_HIDDEN) sum += vector_at(d_state + (b + r - first) * s.HP + (n + m) * V);
                vector_at(d.d_initial_state[0] + (b + r) * s.HP + (n + m) * V) = sum;
            }
    }
};

}  // namespace
