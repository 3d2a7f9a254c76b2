// Memory layouts: weights to panels for the two products.
#pragma once

#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "partition.h"

namespace {

constexpr long HUGE_PAGE = 1 << 21;

// Memory of this thread that grows and is never freed: fresh pages cost more than the arithmetic on them.
template <int PURPOSE>
float* scratch(long floats) {
    static thread_local float* memory = nullptr;
    static thread_local long size = 0;
    if (size < floats) {
        std::free(memory);
        const long page = floats * long(sizeof(float)) < HUGE_PAGE ? 4096 : HUGE_PAGE;
        size = (floats * long(sizeof(float)) + page - 1) / page * page / long(sizeof(float));
        memory = static_cast<float*>(std::aligned_alloc(page, size * sizeof(float)));
#if defined(MADV_HUGEPAGE)
        if (page == HUGE_PAGE) madvise(memory, size * sizeof(float), MADV_HUGEPAGE);
#endif
    }
    return memory;
}

// Transposed copy: to[k, v] = from[v, k] for k < columns and v < V; rows from `rows` on are zero.
inline void transpose_rows(const float* from, long row_stride, long rows, long columns, float* to, long to_stride) {
    long k = 0;
    if (rows == V)
        for (; k + V <= columns; k += V) {
            Vector block[V];
            for (long v = 0; v < V; v++) block[v] = load_unaligned(from + v * row_stride + k);
            transpose(block);
            for (long v = 0; v < V; v++) vector_at(to + (k + v) * to_stride) = block[v];
        }
    for (; k < columns; k++)
        for (long v = 0; v < V; v++) to[k * to_stride + v] = v < rows ? from[v * row_stride + k] : 0;
}

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

// Rows of numbers to rows of words.
inline void pack_row(const float* from, long count, float* to) {
    for (long k = 0; k < count; k += 2 * V)
        vector_at(to + k / 2) = pairs_within(vector_at(from + k), k + V < count ? vector_at(from + k + V) : Vector{});
}

}  // namespace
