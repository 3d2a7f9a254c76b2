// Gradients of the operand of a projection, h or x: the gradients of the projections times the weights.
#pragma once

#include "packing.h"

namespace {

constexpr auto nothing = [](long, long) {};

struct OperandGradients {
    const SequenceArgs& s;
    const Range rows;      // sequences of the gradients, or steps of one sequence
    const float* weights;  // packed in groups of `vectors` vectors of columns in all
    const long vectors;
    const long row_stride, panel_stride;  // of the gradients, in floats

    // Gradients [panels, rows, TILE] of a projection.
    OperandGradients(const SequenceArgs& s, Range rows, const float* weights, long vectors)
        : OperandGradients(s, rows, weights, vectors, TILE, rows.size() * TILE) {}

    OperandGradients(const SequenceArgs& s, Range rows, const float* weights, long vectors, long row_stride,
                     long panel_stride)
        : s(s), rows(rows), weights(weights), vectors(vectors), row_stride(row_stride), panel_stride(panel_stride) {}

    // Call body(b, m, gradient) for sequences and vectors of columns of the operand; before that, for those of a tile,
    // prepare(b, m) and the product, during which what `prepare` asks of memory arrives.
    template <class Prepare, class Body>
    void for_tiles(const float* gradients, Range sequences, Range columns, const Prepare& prepare,
                   const Body& body) const {
        Vector tile[BACK_ROWS * BACK_VECTORS];
        if (BFLOAT16) {
            float* copy = scratch<8>(rows.size() * words(width(s)));
            pack_row(gradients, rows.size() * width(s), copy);
            gradients = copy;
        }
        for (long from = columns.first, to; from < columns.last; from = to) {
            to = (from / BACK_VECTORS + 1) * BACK_VECTORS;  // no tile goes across groups of weights
            to = to < columns.last ? to : columns.last;
            for_blocks<BACK_VECTORS>(from, to, [&](auto N, long n) {
                for_even_blocks<BACK_ROWS>(sequences.first, sequences.last, [&](auto R, long b) {
                    for (long i = 0; i < R * N; i++) prepare(b + i / N, n + i % N);
                    multiply<R, N>(gradients, b, n, tile);
                    for (long i = 0; i < R * N; i++) body(b + i / N, n + i % N, tile[i]);
                });
            });
        }
    }

    // Product for R sequences and N vectors of columns. Never inlined: that would compile `body` for every size of tile.
    template <long R, long N>
    __attribute__((noinline)) void multiply(const float* gradients, long b, long n, Vector* result) const {
        constexpr long SIZE = TILE / PAIR;  // words of a panel
        const long group = n / BACK_VECTORS * BACK_VECTORS, left = vectors - group;
        const long stride = (left < BACK_VECTORS ? left : BACK_VECTORS) * V;
        Vector sums[R][N] = {};
        multiply_add(sums, Factors{gradients + (b - rows.first) * row_stride / PAIR, row_stride / PAIR, 1, panel_stride / PAIR},
                     Columns{weights + group * V * words(width(s)) + (n - group) * V, stride, stride * SIZE}, SIZE,
                     panels(s));
        for (long i = 0; i < R * N; i++) result[i] = sums[i / N][i % N];
    }
};

// Add the gradients of a step's inputs that a run kept separately to those of `to`.
inline void add_inputs(const SequenceArgs& s, const GradientArgs& from, const GradientArgs& to, long t) {
    for (long b = 0; b < s.B; b++) {
        float* sum = to.d_inputs + t * to.d_inputs_stride_t + b * to.d_inputs_stride_b;
        const float* row = from.d_inputs + t * from.d_inputs_stride_t + b * from.d_inputs_stride_b;
        for (long k = 0; k < s.I; k++) sum[k] += row[k];
    }
}

}  // namespace
