// Product of small matrices kept in registers, in float32 or of pairs of bfloat16 numbers, and the blocks that cover a
// range with its tiles.
#pragma once

#include "simd.h"
#include "step.h"

// In bfloat16, a word of 32 bits holds a pair of factors, for two neighbouring k: one instruction multiplies two pairs
// and adds both products to a float32. Words are moved as if they were floats.
constexpr bool BFLOAT16 = BFLOAT16_PRODUCTS;
constexpr long PAIR = BFLOAT16 ? 2 : 1;

// Words for `count` factors.
constexpr long words(long count) { return (count + PAIR - 1) / PAIR; }

#if BFLOAT16_PRODUCTS
inline Vector multiply_add(Vector sum, Vector a, Vector b) {
    return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}

// 2 V neighbouring numbers as V words.
inline Vector pairs_within(Vector first, Vector next) { return (Vector)_mm512_cvtne2ps_pbh((__m512)next, (__m512)first); }

// Words of the numbers of two rows.
inline Vector pairs_across(Vector even, Vector odd) {
    static const auto order = [] {
        alignas(64) short lanes[2 * V];
        for (short lane = 0; lane < V; lane++) lanes[2 * lane] = lane, lanes[2 * lane + 1] = lane + V;
        return _mm512_load_si512(lanes);
    }();
    return (Vector)_mm512_permutexvar_epi16(order, (__m512i)pairs_within(even, odd));
}
#else
inline Vector multiply_add(Vector sum, Vector a, Vector b) { return sum + a * b; }
inline Vector pairs_within(Vector first, Vector) { return first; }
inline Vector pairs_across(Vector even, Vector) { return even; }
#endif

// Factors [row, k] and columns [k, n] of a product, k in `blocks` of `depth` that lie apart in memory.
struct Factors {
    const float* first;
    long row_stride, depth_stride, block_stride;
};
struct Columns {
    const float* first;
    long depth_stride, block_stride;
};

// sums[r][n] += factors[r, k] * columns[k, n], summed over all k; n counts vectors.
template <long R, long N>
inline void multiply_add(Vector (&sums)[R][N], Factors factors, Columns columns, long depth, long blocks = 1) {
    // Several sums of every other k, where a single one would wait for the multipliers' latency.
    constexpr long SPLIT = R * N >= 8 ? 1 : R * N >= 4 ? 2 : R * N >= 2 ? 4 : 8;
    Vector local[SPLIT][R][N] = {};  // stays in registers, because no pointer reaches it
#pragma GCC unroll 32
    for (long i = 0; i < R * N; i++) local[0][i / N][i % N] = sums[i / N][i % N];
    const auto add = [&](Vector (&to)[R][N], const float* factor, const float* column) {
        Vector operands[N];
#pragma GCC unroll 8
        for (long n = 0; n < N; n++) operands[n] = vector_at(column + n * V);
#pragma GCC unroll 8
        for (long r = 0; r < R; r++) {
            const Vector number = broadcast(factor[r * factors.row_stride]);
#pragma GCC unroll 8
            for (long n = 0; n < N; n++) to[r][n] = multiply_add(to[r][n], number, operands[n]);
        }
    };
    for (long block = 0; block < blocks; block++) {
        const float *factor = factors.first + block * factors.block_stride;
        const float *column = columns.first + block * columns.block_stride;
        long k = 0;
        for (; k + SPLIT <= depth; k += SPLIT)
#pragma GCC unroll 8
            for (long part = 0; part < SPLIT; part++, factor += factors.depth_stride, column += columns.depth_stride)
                add(local[part], factor, column);
        for (; SPLIT > 1 && k < depth; k++, factor += factors.depth_stride, column += columns.depth_stride)
            add(local[0], factor, column);
    }
#pragma GCC unroll 32
    for (long i = 0; i < R * N; i++) {
        Vector sum = local[0][i / N][i % N];
#pragma GCC unroll 8
        for (long part = 1; part < SPLIT; part++) sum += local[part][i / N][i % N];
        sums[i / N][i % N] = sum;
    }
}

template <long N>
using Constant = std::integral_constant<long, N>;

// Call body(Constant<size>, start) for blocks of SIZE, and a smaller one at the end, that cover [first, last).
template <long SIZE, class Body>
inline void for_blocks(long first, long last, const Body& body) {
    for (; last - first >= SIZE; first += SIZE) body(Constant<SIZE>{}, first);
    if constexpr (SIZE > 1)
        if (first < last) for_blocks<SIZE - 1>(first, last, body);
}

// Blocks of at most SIZE and of nearly equal size: 10 is 5 + 5, not 6 + 4, because a tile of few rows wastes loads.
template <long SIZE, class Body>
inline void for_even_blocks(long first, long last, const Body& body) {
    if constexpr (SIZE == 1) {
        for_blocks<1>(first, last, body);
    } else {
        const long blocks = (last - first + SIZE - 1) / SIZE, full = (last - first) - blocks * (SIZE - 1);
        if (full <= 0) return for_even_blocks<SIZE - 1>(first, last, body);
        for_blocks<SIZE>(first, first + full * SIZE, body);
        for_blocks<SIZE - 1>(first + full * SIZE, last, body);
    }
}
