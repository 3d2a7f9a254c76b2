// Products whose numbers of rows and vectors are known at run time, and the operands that they need.
#pragma once

#include "adam.h"

namespace {

constexpr long TILE_ROWS = REGISTERS == 32 ? 6 : 3, TILE_VECTORS = 4, TILE = TILE_ROWS * TILE_VECTORS;

inline long minimum(long a, long b) { return a < b ? a : b; }

using Product = void (*)(Factors, Columns, long, const Prefetch*, Vector*);

template <long R, long N>
void product(Factors factors, Columns columns, long depth, const Prefetch* prefetch, Vector* result) {
    Vector sums[R][N] = {};
    if (prefetch) {
        const long part = (depth + Prefetch::PARTS - 1) / Prefetch::PARTS;
        for (long k = 0, row = 0; k < depth; k += part, row++) {
            prefetch->request(row);
            multiply_add(sums, factors, columns, minimum(part, depth - k));
            factors.first += part * factors.depth_stride, columns.first += part * columns.depth_stride;
        }
    } else {
        multiply_add(sums, factors, columns, depth);
    }
    for (long i = 0; i < R * N; i++) result[i] = sums[i / N][i % N];
}

struct ProductTable {
    Product entries[TILE];
};
template <long... I>
constexpr ProductTable products(std::integer_sequence<long, I...>) {
    return {{product<I / TILE_VECTORS + 1, I % TILE_VECTORS + 1>...}};
}

// result[r, n] = factors[r, k] * columns[k, n], summed over all k; n counts vectors.
inline void multiply(long rows, long vectors, Factors factors, Columns columns, long depth, Vector* result,
                     const Prefetch* prefetch = nullptr) {
    static constexpr auto table = products(std::make_integer_sequence<long, TILE>{});
    table.entries[(rows - 1) * TILE_VECTORS + vectors - 1](factors, columns, depth, prefetch, result);
}

// Call body(first, size) for blocks of `size`, and a smaller one at the end, that cover [0, count).
template <class Body>
inline void for_parts(long size, long count, const Body& body) {
    for (long first = 0; first < count; first += size) body(first, minimum(size, count - first));
}

// Features as the columns of a product whose depth they are: in bfloat16 a copy, words of two features.
template <int PURPOSE>
Columns feature_columns(const float* from, long stride, long features, long columns) {
    if (!BFLOAT16) return {from, stride, 0};
    float* to = scratch<PURPOSE>(words(features) * columns);
    for (long k = 0; k < features; k += 2)
        for (long c = 0; c < columns; c += V)
            vector_at(to + k / 2 * columns + c) =
                pairs_across(vector_at(from + k * stride + c),
                             k + 1 < features ? vector_at(from + (k + 1) * stride + c) : Vector{});
    return {to, columns, 0};
}

// Rows of numbers as the factors of a product whose depth are their columns: in bfloat16 a copy, words of two columns.
template <int PURPOSE>
Factors row_factors(const float* from, long rows, long columns) {
    if (!BFLOAT16) return {from, columns, 1, 0};
    const long stride = (columns + 2 * V - 1) / (2 * V) * V;
    float* to = scratch<PURPOSE>(rows * stride);
    for (long r = 0; r < rows; r++)
        for (long k = 0; k < columns; k += 2 * V) {
            const float* numbers = from + r * columns + k;
            vector_at(to + r * stride + k / 2) =
                pairs_within(load_units(numbers, columns - k), load_units(numbers + V, columns - k - V));
        }
    return {to, stride, 1, 0};
}

}  // namespace
