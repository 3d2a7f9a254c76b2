// Backward pass of one thread: back through the steps of its sequences and units.
#pragma once

#include "operand_gradients.h"
#include "weight_gradients.h"

namespace {

// Packed weights of the backward pass.
struct PackedWeights {
    const float *forward;  // null where the values of every step were saved
    const float *hidden, *inputs;
};

struct BackwardPass {
    const SequenceArgs& s;
    const GradientArgs& d;
    const PackedWeights packed;
    const Part part;
    const long chunk_steps;  // steps whose weight gradients are one product
    float* d_projs;          // [chunk_steps, PROJECTIONS, panels, sequences, TILE] for the projections of a chunk
    float* d_projs_next;     // [PROJECTIONS, panels, sequences, TILE] for those of the step after the chunk
    float* d_state;          // [STATES, panels, sequences, V] dL/d(state after step t), without the recurrent product
    float* recomputed;       // [panels, sequences, SAVED, V] values of step t, if they were not saved
    float* d_weights;        // sums for the weight gradients
    float* d_extras;         // [EXTRAS, HP], likewise
    float* copies;           // operands of the weight gradients in bfloat16

    // A product over some 256 rows reads and writes the sums of the weight gradients seldom, and fits into a cache.
    static long steps_of_chunk(const SequenceArgs& s, long sequences) {
        const long steps = 256 / sequences;
        return steps < 1 ? 1 : steps > s.T ? s.T : steps;
    }

    static long floats(const SequenceArgs& s, long sequences) {
        return sequences * (PROJECTIONS * width(s) * (steps_of_chunk(s, sequences) + 1) + STATES * s.HP +
                            (s.saved_values ? 0 : s.HP * SAVED)) +
               WeightGradients::sums_size(s) + EXTRAS * s.HP;  // and `copies`, which threads do not share
    }

    // `memory`: `floats` of its own, or shared by the threads where they divide the units.
    BackwardPass(const SequenceArgs& s, const GradientArgs& d, const PackedWeights& packed, const Part& part,
                 float* memory)
        : s(s), d(d), packed(packed), part(part), chunk_steps(steps_of_chunk(s, rows())) {
        d_projs = memory;
        d_projs_next = d_projs + chunk_steps * step_size();
        d_state = d_projs_next + step_size();
        recomputed = d_state + STATES * rows() * s.HP;
        d_weights = recomputed + (s.saved_values ? 0 : rows() * s.HP * SAVED);
        d_extras = d_weights + WeightGradients::sums_size(s);
        copies = scratch<7>(WeightGradients::floats(s, chunk_steps * rows()));
    }

    long rows() const { return part.sequences.size(); }
    long step_size() const { return PROJECTIONS * rows() * width(s); }
    float* d_projs_at(long t, const Chunk& chunk) const {
        return t < chunk.last ? d_projs + (t - chunk.first) * step_size() : d_projs_next;
    }
    float* d_state_at(long part_of_state, long m, long local) const {
        return d_state + ((part_of_state * panels(s) + m) * rows() + local) * V;
    }

    template <class Prepare, class Body>
    void for_units(const float* next, const Prepare& prepare, const Body& body) const {
        const OperandGradients hidden{s, part.sequences, packed.hidden, panels(s)};
        hidden.for_tiles(next + (PROJECTIONS - 1) * rows() * width(s), part.sequences, part.panels, prepare, body);
    }

    float* recomputed_at(long b, long m) const { return recomputed + (m * rows() + b - part.sequences.first) * SAVED * V; }

    // Values of step t that the gradient reads.
    const float* saved_at(long t, long b, long m) const {
        return s.saved_values ? saved_value(s, t, b, m) : recomputed_at(b, m);
    }

    // Gradient of one sequence's step for the m-th vector of units.
    __attribute__((noinline)) void step_of_vector(float* projections, long t, long b, long m, Vector d_hidden) const {
        const long row = t * s.B + b, local = b - part.sequences.first, u = m * V;
        Vector state[STATES] = {}, d_next[STATES], d_previous[STATES], d_projections[PROJECTIONS][GATES];
        Vector extra[EXTRAS + 1], d_extra[EXTRAS + 1], saved[SAVED];
        if (s.keep_mask && t < s.T - 1) d_hidden *= s.keep_mask[row + s.B];
        state[0] = vector_at(gate_input(s, t, b) + u);
        for (long i = 0; i < STATES; i++) {
            if (i) {
                state[i] = vector_at(other_state(s, i, t, b) + u);
                if (s.keep_mask) state[i] *= s.keep_mask[row];
            }
            d_next[i] = state_gradient(i, t, b, m);
        }
        d_next[0] += d_hidden;
        for (long e = 0; e < EXTRAS; e++) extra[e] = load_units(s.extra_weights[e] + u, s.H - u);
        const float* from = saved_at(t, b, m);
        for (long k = 0; k < SAVED; k++) saved[k] = vector_at(from + k * V);
        cell_gradient(saved, state, extra, d_next, d_projections[0], d_projections[PROJECTIONS - 1], d_previous,
                      d_extra);
        write_gradients(projections, row, local, m, d_projections, d_previous);
        for (long e = 0; e < EXTRAS; e++) vector_at(d_extras + e * s.HP + u) += d_extra[e];
    }

    // dL/d(part of the state after step t) for the m-th vector of units, without the recurrent product.
    inline Vector state_gradient(long i, long t, long b, long m) const {
        const long u = m * V;
        Vector sum = vector_at(d_state_at(i, m, b - part.sequences.first));
        if (d.d_states[i]) {
            const float* from = d.d_states[i] + t * d.d_states_stride_t[i] + b * d.d_states_stride_b[i];
            sum += d.d_states_stride_u[i] ? load_units(from + u, s.H - u) : broadcast(*from);
        }
        if (t == s.T - 1 && d.d_final_state[i]) sum += load_units(d.d_final_state[i] + b * s.H + u, s.H - u);
        return sum;
    }

    // Write the gradients of a step's projections and previous state, for the m-th vector of units.
    inline void write_gradients(float* projections, long row, long local, long m,
                                const Vector (&d_projections)[PROJECTIONS][GATES],
                                const Vector (&d_previous)[STATES]) const {
        const bool padded = (m + 1) * V > s.H;
        for (long i = 0; i < PROJECTIONS; i++)
            for (long gate = 0; gate < GATES; gate++)
                vector_at(projections + ((i * panels(s) + m) * rows() + local) * TILE + gate * V) =
                    padded ? zero_padding(s, m, d_projections[i][gate]) : d_projections[i][gate];
        for (long i = USES_HIDDEN ? 0 : 1; i < STATES; i++) {
            const Vector gradient = padded ? zero_padding(s, m, d_previous[i]) : d_previous[i];
            vector_at(d_state_at(i, m, local)) = s.keep_mask ? gradient * s.keep_mask[row] : gradient;
        }
    }

    void run() {
        clear();
        const WeightGradients weights{s, d, part, d_weights, part.by_units || part.threads == 1, copies};
        for (Chunk chunk{s.T, s.T, true, false}; chunk.first > 0; chunk.begins = false) {
            chunk.last = chunk.first;
            chunk.first = chunk.last > chunk_steps ? chunk.last - chunk_steps : 0;
            chunk.ends = chunk.first == 0;
            for (long t = chunk.last - 1; t >= chunk.first; t--) run_step(chunk, t);
            if (d.d_inputs && joins_steps()) write_input_gradients(chunk);
            weights.add(chunk, d_projs);
            keep_first_step();
            part.wait();
        }
        if (d.d_initial_state[0]) write_initial_state_gradient();
    }

    void clear() const {
        const long own = part.panels.size() * V;
        for (long i = 0; i < STATES; i++)
            std::memset(d_state_at(i, part.panels.first, 0), 0, rows() * own * sizeof(float));
        for (long e = 0; e < EXTRAS; e++)
            std::memset(d_extras + e * s.HP + part.panels.first * V, 0, own * sizeof(float));
    }

    void run_step(const Chunk& chunk, long t) const {
        if (!s.saved_values) {
            const Rows inputs(s, t, part.sequences);
            for (long j = part.panels.first; j < part.panels.last; j++)
                for_even_blocks<ROWS>(part.sequences.first, part.sequences.last,
                                      [&](auto R, long b) { recompute_step<R>(inputs, t, b, j); });
        }
        float* projections = d_projs_at(t, chunk);
        if (t < s.T - 1)
            for_units(d_projs_at(t + 1, chunk),
                      [&](long b, long m) {
                          for (long k = 0; k < SAVED; k++) __builtin_prefetch(saved_at(t, b, m) + k * V);
                          for (long i = 1; i < STATES; i++) __builtin_prefetch(other_state(s, i, t, b) + m * V);
                      },
                      [&](long b, long m, Vector d_hidden) { step_of_vector(projections, t, b, m, d_hidden); });
        else
            for (long m = part.panels.first; m < part.panels.last; m++)
                for (long b = part.sequences.first; b < part.sequences.last; b++)
                    step_of_vector(projections, t, b, m, Vector{});
        part.wait();
        if (d.d_inputs && !joins_steps()) write_input_gradients(projections, t);
    }

    // The gradients of the chunk's first step, which the next chunk reads, to `d_projs_next`.
    void keep_first_step() const {
        for (long i = 0; i < PROJECTIONS; i++) {
            const long offset = (i * panels(s) + part.panels.first) * rows() * TILE;
            std::memcpy(d_projs_next + offset, d_projs + offset, part.panels.size() * rows() * TILE * sizeof(float));
        }
    }

    // Whether the gradients of the inputs of all steps of a chunk are one product: for few sequences, it would take as long
    // as reading the weights.
    bool joins_steps() const { return !BFLOAT16 && 2 * rows() <= BACK_ROWS; }

    void write_input_gradients(const float* projections, long t) const {
        const OperandGradients inputs{s, part.sequences, packed.inputs, input_vectors()};
        inputs.for_tiles(projections, part.inputs, {0, input_vectors()}, nothing,
                         [&](long b, long m, Vector units) { write_input_gradient(t, b, m, units); });
    }

    void write_input_gradients(const Chunk& chunk) const {
        const long threads = part.by_units ? part.threads : 1, thread = part.by_units ? part.thread : 0;
        const Range all{chunk.first, chunk.last}, own = divide(all.size(), thread, threads);
        const OperandGradients inputs{s, all, packed.inputs, input_vectors(), step_size(), rows() * TILE};
        for (long local = 0; local < rows(); local++)
            inputs.for_tiles(d_projs + local * TILE, {all.first + own.first, all.first + own.last}, {0, input_vectors()},
                             nothing, [&](long t, long m, Vector units) {
                                 write_input_gradient(t, part.sequences.first + local, m, units);
                             });
    }

    long input_vectors() const { return (s.I + V - 1) / V; }

    inline void write_input_gradient(long t, long b, long m, Vector units) const {
        float* to = d.d_inputs + t * d.d_inputs_stride_t + b * d.d_inputs_stride_b + m * V;
        if (d.adds_to_inputs) units += load_units(to, s.I - m * V);
        store_units(to, units, s.I - m * V);
    }

    template <long R>
    void recompute_step(const Rows& inputs, long t, long b, long j) const {
        Vector next[R][STATES], values[R][SAVED];
        compute_step(s, inputs, packed.forward, nullptr, t, b, j, next, values);
        write_saved(values, recomputed_at(b, j), false);
    }

    void write_initial_state_gradient() const {
        for_units(d_projs_next, nothing, [&](long b, long m, Vector d_hidden) {
            const long local = b - part.sequences.first, units = s.H - m * V;
            Vector sum = s.keep_mask ? d_hidden * s.keep_mask[b] : d_hidden;
            if (USES_HIDDEN) sum += vector_at(d_state_at(0, m, local));
            for (long i = 0; i < STATES; i++)
                store_units(d.d_initial_state[i] + b * s.H + m * V, i ? vector_at(d_state_at(i, m, local)) : sum, units);
        });
    }
};

}  // namespace
