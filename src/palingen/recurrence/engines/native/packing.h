// Memory layouts: weights to panels for the two products.
#pragma once

#include "memory.h"
#include "partition.h"

namespace {

// Forward weights [GATES H, .] to panels: panel j, word of columns of `gate_inputs`, gate, unit in the panel; then its
// bias in float32.
void pack_forward(const SequenceArgs& s, float* packed, Range range) {
    for (long j = range.first; j < range.last; j++) {
        float *panel = packed + j * panel_size(s), *rows = BFLOAT16 ? scratch<5>((depth(s) + 1) * TILE) : panel;
        for (long gate = 0; gate < GATES; gate++) {
            const long row = gate * s.H + j * V, units = s.H - j * V < V ? s.H - j * V : V;
            float* to = rows + gate * V;
            transpose_rows(s.weight_hh + row * s.H, s.H, units, s.H, to, TILE);
            for (long k = s.H; k < s.HP; k++) vector_at(to + k * TILE) = Vector{};
            transpose_rows(s.weight_ih + row * s.I, s.I, units, s.I, to + s.HP * TILE, TILE);
            if (BFLOAT16) vector_at(to + depth(s) * TILE) = Vector{};  // the other half of the last word
            transpose_rows(s.bias + row, 1, units, 1, panel + words(depth(s)) * TILE + gate * V, TILE);
        }
        for (long k = 0; BFLOAT16 && k < words(depth(s)) * TILE; k += V)
            vector_at(panel + k) = pairs_across(vector_at(rows + k / TILE * 2 * TILE + k % TILE),
                                                vector_at(rows + (k / TILE * 2 + 1) * TILE + k % TILE));
    }
}

// V columns from k on of a row of a weight [GATES H, columns], the rows interleaved.
inline Vector interleaved_row(const SequenceArgs& s, const float* weight, long columns, long row, long k) {
    const long unit = row / TILE * V + row % V, gate = row % TILE / V;
    return unit < s.H ? load_units(weight + (gate * s.H + unit) * columns + k, columns - k) : Vector{};
}

// Words of rows of a weight [GATES H, columns] to groups of BACK_VECTORS vectors of columns: group, word of interleaved
// gates, column. The last group may have fewer vectors.
void pack_backward(const SequenceArgs& s, const float* weight, long columns, float* packed, Range range) {
    const long vectors = (columns + V - 1) / V;
    for (long word = range.first; word < range.last; word++)
        for (long n = 0; n < vectors; n++) {
            const long group = n / BACK_VECTORS * BACK_VECTORS, left = vectors - group;
            const long size = left < BACK_VECTORS ? left : BACK_VECTORS;
            vector_at(packed + group * V * words(width(s)) + (word * size + n - group) * V) =
                pairs_across(interleaved_row(s, weight, columns, word * PAIR, n * V),
                             interleaved_row(s, weight, columns, word * PAIR + PAIR - 1, n * V));
        }
}

}  // namespace
