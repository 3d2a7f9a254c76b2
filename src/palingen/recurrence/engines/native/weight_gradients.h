// Weight gradients: products of the gradients of the projections with the rows of `gate_inputs`, over several steps.
#pragma once

#include "forward.h"

namespace {

// Write V columns of a row of the weight gradients, from vector n of a row [h | x | 1] on, where the user gets them.
inline void write_weight_gradient(const SequenceArgs& s, const GradientArgs& d, long row, long n, Vector sum) {
    const long unit = row / TILE * V + row % V, to = row % TILE / V * s.H + unit;
    if (unit >= s.H) return;
    if (n < panels(s)) return store_units(d.d_weight_hh + to * s.H + n * V, sum, s.H - n * V);
    for (long v = 0, k = n * V - s.HP; v < V && k <= s.I; v++, k++)
        (k < s.I ? d.d_weight_ih[to * s.I + k] : d.d_bias[to]) = sum[v];
}

// Steps whose weight gradients are one product.
struct Chunk {
    long first, last;
    bool begins, ends;  // whether it is the first or the last chunk of the backward pass, which runs from step T to 0
};

// Weight gradients of one thread.
struct WeightGradients {
    const SequenceArgs& s;
    const GradientArgs& d;
    Part part;
    float* sums;  // [GATES HP, KP], over the sequences of the thread and the chunks so far
    bool is_sole;  // whether no other thread adds to the same rows

    float* copies;  // memory for operands in bfloat16, of `floats`

    static long floats(const SequenceArgs& s, long rows) { return BFLOAT16 ? words(rows) * (s.KP + TILE) : 0; }

    // Add the product of a chunk. `gradients`: [chunk, PROJECTIONS, panels, sequences, TILE] of the projections.
    void add(const Chunk& chunk, const float* gradients) const {
        const long hidden = panels(s), all = s.KP / V;
        const long start = chunk.first == 0 && zero_initial_state(s) ? 1 : 0;  // h(0) is zero
        if (BFLOAT16) pack_states(chunk);
        for (long j = part.panels.first; j < part.panels.last; j++)
            if (USES_ONLY_SUM && start == 0) {
                add_columns(chunk, gradients, 0, j, 0, 0, all);
            } else {
                add_columns(chunk, gradients, PROJECTIONS - 1, j, start, 0, hidden);
                add_columns(chunk, gradients, 0, j, 0, hidden, all);
            }
    }

    long rows() const { return part.sequences.size(); }
    long step_size() const { return PROJECTIONS * panels(s) * rows() * TILE; }

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

    // Add the product for the gates of panel j and some columns, over the steps of the chunk from `start` on.
    void add_columns(const Chunk& chunk, const float* gradients, long projection, long j, long start, long from,
                     long to) const {
        const float* panel = gradients + (projection * panels(s) + j) * rows() * TILE;
        Factors factors{panel + start * step_size(), 1, TILE, step_size()};
        Columns columns{gate_input(s, chunk.first + start, part.sequences.first), s.KP, s.B * s.KP};
        long depth = rows(), blocks = chunk.last - chunk.first - start;
        if (BFLOAT16) {  // one block; h(0) is zero in `gate_inputs` too
            const auto row = [&](long i) { return panel + i / rows() * step_size() + i % rows() * TILE; };
            float* copy = copies + words((blocks + start) * rows()) * s.KP;
            pack_pairs((blocks + start) * rows(), TILE, row, copy);
            factors.first = copy, columns.first = copies;
            depth = words((blocks + start) * rows()), blocks = 1;
        }
        for_blocks<WEIGHT_VECTORS>(from, to, [&](auto N, long n) {
            for_blocks<WEIGHT_ROWS>(0, TILE, [&](auto R, long g) {
                add_tile<R, N>(chunk, factors, columns, depth, blocks, j * TILE, g, n);
            });
        });
    }

    // sums[row + g .., n ..] += gradients^T gate_inputs for R rows and N vectors of columns.
    template <long R, long N>
    void add_tile(const Chunk& chunk, Factors factors, Columns columns, long depth, long blocks, long row, long g,
                  long n) const {
        float* to = sums + (row + g) * s.KP + n * V;
        Vector tile[R][N] = {};
        if (!chunk.begins)
            for (long r = 0; r < R; r++)
                for (long m = 0; m < N; m++) tile[r][m] = vector_at(to + r * s.KP + m * V);
        factors.first += g, columns.first += n * V;
        multiply_add(tile, factors, columns, depth, blocks);
        for (long r = 0; r < R; r++)
            for (long m = 0; m < N; m++)
                if (chunk.ends && is_sole) write_weight_gradient(s, d, row + g + r, n + m, tile[r][m]);
                else vector_at(to + r * s.KP + m * V) = tile[r][m];
    }
};

// Rows of the weight gradients, summed over the threads.
void sum_weight_gradients(const SequenceArgs& s, const GradientArgs& d, float* const* partial, long threads,
                          Range rows) {
    for (long row = rows.first; row < rows.last; row++)
        for (long n = 0; n < s.KP / V; n++) {
            Vector sum{};
            for (long thread = 0; thread < threads; thread++) sum += vector_at(partial[thread] + row * s.KP + n * V);
            write_weight_gradient(s, d, row, n, sum);
        }
}

}  // namespace
