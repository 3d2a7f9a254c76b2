// Weight gradients: products of the gradients of the projections with the rows of `gate_inputs`, over several steps.
#pragma once

#include "forward.h"

namespace {

// Write V columns of a row of the gradients of the recurrent weights, from vector n on, where the user gets them.
inline void write_weight_hh_gradient(const SequenceArgs& s, const GradientArgs& d, long row, long n, Vector sum) {
    const long unit = row / TILE * V + row % V, to = row % TILE / V * s.H + unit;
    if (unit < s.H) store_units(d.d_weight_hh + to * s.H + n * V, sum, s.H - n * V);
}

// Likewise for one gate of panel j and one column of [x | 1], which makes the gradient of the bias.
inline void write_weight_ih_gradient(const SequenceArgs& s, const GradientArgs& d, long j, long column, long gate,
                                     Vector sum) {
    for (long v = 0, to = gate * s.H + j * V; v < V && j * V + v < s.H; v++, to++)
        (column < s.I ? d.d_weight_ih[to * s.I + column] : d.d_bias[to]) = sum[v];
}

// Steps whose weight gradients are one product.
struct Chunk {
    long first, last;
    bool begins, ends;  // whether it is the first or the last chunk of the backward pass, which runs from step T to 0
};

// Weight gradients of one thread. The gradients of the gates are rows of the product for the recurrent weights, but
// columns of the one for [x | 1]: that is often narrow, and would fill few lanes of its vectors.
struct WeightGradients {
    const SequenceArgs& s;
    const GradientArgs& d;
    Part part;
    float* sums;  // of `sums_size`, over the sequences of the thread and the chunks so far
    bool is_sole;  // whether no other thread adds to the same rows

    float* copies;  // memory for operands in bfloat16, of `floats`

    static long floats(const SequenceArgs& s, long rows) { return BFLOAT16 ? words(rows) * (s.KP + TILE) : 0; }

    // [GATES HP, HP] for the recurrent weights, then [panels, I + 1, TILE] for [x | 1].
    static long sums_size(const SequenceArgs& s) { return width(s) * (s.HP + s.I + 1); }
    static long inputs_at(const SequenceArgs& s, long j) { return width(s) * s.HP + j * (s.I + 1) * TILE; }

    // Add the product of a chunk. `gradients`: [chunk, PROJECTIONS, panels, sequences, TILE] of the projections.
    void add(const Chunk& chunk, const float* gradients) const {
        const long start = !BFLOAT16 && chunk.first == 0 && zero_initial_state(s) ? 1 : 0;  // h(0) is zero
        if (BFLOAT16) pack_states(chunk);
        for (long j = part.panels.first; j < part.panels.last; j++) {
            const Operands inputs = operands(chunk, gradients, 0, j, 0);
            add_inputs(chunk, inputs, j);
            add_hidden(chunk, USES_ONLY_SUM && !start ? inputs : operands(chunk, gradients, PROJECTIONS - 1, j, start), j);
        }
    }

    long rows() const { return part.sequences.size(); }
    long step_size() const { return PROJECTIONS * panels(s) * rows() * TILE; }

    // Both factors of a product over `depth` rows in each of `blocks`.
    struct Operands {
        const float *gradients, *states;
        long gradients_block, states_block, depth, blocks;
    };

    // Those of panel j over the steps of the chunk from `start` on.
    Operands operands(const Chunk& chunk, const float* gradients, long projection, long j, long start) const {
        const float* panel = gradients + (projection * panels(s) + j) * rows() * TILE;
        const long steps = chunk.last - chunk.first;
        if (!BFLOAT16)
            return {panel + start * step_size(), gate_input(s, chunk.first + start, part.sequences.first), step_size(),
                    s.B * s.KP, rows(), steps - start};
        float* copy = copies + words(steps * rows()) * s.KP;
        pack_pairs(steps * rows(), TILE, [&](long i) { return panel + i / rows() * step_size() + i % rows() * TILE; }, copy);
        return {copy, copies, 0, 0, words(steps * rows()), 1};
    }

    // Rows of `gate_inputs` of all steps of a chunk to words of two rows: [words, KP].
    void pack_states(const Chunk& chunk) const {
        const auto row = [&](long i) { return gate_input(s, chunk.first + i / rows(), part.sequences.first + i % rows()); };
        pack_pairs((chunk.last - chunk.first) * rows(), s.KP, row, copies);
    }

    // `count` rows of `size` numbers to words of two rows.
    template <class Row>
    static void pack_pairs(long count, long size, const Row& row, float* to) {
        for (long i = 0; i < count; i += 2)
            for (long k = 0; k < size; k += V)
                vector_at(to + i / 2 * size + k) =
                    pairs_across(vector_at(row(i) + k), i + 1 < count ? vector_at(row(i + 1) + k) : Vector{});
    }

    // gradients^T h for the gates of panel j.
    void add_hidden(const Chunk& chunk, const Operands& of, long j) const {
        for_even_blocks<WEIGHT_VECTORS>(0, panels(s), [&](auto N, long n) {
            for_blocks<WEIGHT_ROWS>(0, TILE, [&](auto R, long g) {
                const long row = j * TILE + g;
                const Factors factors{of.gradients + g, 1, TILE, of.gradients_block};
                const Columns columns{of.states + n * V, s.KP, of.states_block};
                const auto write = [&](long r, long m, Vector sum) {
                    write_weight_hh_gradient(s, d, row + r, n + m, sum);
                };
                add_tile<R, N>(chunk, factors, columns, of, sums + row * s.HP + n * V, s.HP, write);
            });
        });
    }

    // [x | 1]^T gradients for the gates of panel j.
    void add_inputs(const Chunk& chunk, const Operands& of, long j) const {
        for_even_blocks<ROWS>(0, s.I + 1, [&](auto R, long column) {
            const Factors factors{of.states + s.HP + column, 1, s.KP, of.states_block};
            const Columns columns{of.gradients, TILE, of.gradients_block};
            const auto write = [&](long r, long gate, Vector sum) {
                write_weight_ih_gradient(s, d, j, column + r, gate, sum);
            };
            add_tile<R, GATES>(chunk, factors, columns, of, sums + inputs_at(s, j) + column * TILE, TILE, write);
        });
    }

    // Add a product of R rows and N vectors of columns to the sums at `to`; after the last chunk call write(r, n, sum).
    template <long R, long N, class Write>
    void add_tile(const Chunk& chunk, Factors factors, Columns columns, const Operands& of, float* to, long stride,
                  const Write& write) const {
        Vector tile[R][N] = {};
        if (!chunk.begins)
            for (long r = 0; r < R; r++)
                for (long n = 0; n < N; n++) tile[r][n] = vector_at(to + r * stride + n * V);
        multiply_add(tile, factors, columns, of.depth, of.blocks);
        for (long r = 0; r < R; r++)
            for (long n = 0; n < N; n++)
                if (chunk.ends && is_sole) write(r, n, tile[r][n]);
                else vector_at(to + r * stride + n * V) = tile[r][n];
    }
};

// One thread's part of the weight gradients, summed over the threads.
void sum_weight_gradients(const SequenceArgs& s, const GradientArgs& d, float* const* partial, const Part& part) {
    const auto total = [&](long offset) {
        Vector sum{};
        for (long thread = 0; thread < part.threads; thread++) sum += vector_at(partial[thread] + offset);
        return sum;
    };
    const Range own = divide(panels(s), part.thread, part.threads);
    for (long row = own.first * TILE; row < own.last * TILE; row++)
        for (long n = 0; n < panels(s); n++) write_weight_hh_gradient(s, d, row, n, total(row * s.HP + n * V));
    for (long j = own.first; j < own.last; j++)
        for (long i = 0; i < (s.I + 1) * GATES; i++)
            write_weight_ih_gradient(s, d, j, i / GATES, i % GATES, total(WeightGradients::inputs_at(s, j) + i * V));
}

}  // namespace
