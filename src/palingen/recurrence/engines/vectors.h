// Vectors of floats, the functions of them that gates need, and a product of small matrices kept in registers.
#pragma once

#include <type_traits>

#if defined(__AVX512F__)
constexpr long V = 16, REGISTERS = 32;  // floats in a vector; vectors that the processor holds
#elif defined(__AVX__)
constexpr long V = 8, REGISTERS = 16;
#else
constexpr long V = 4, REGISTERS = 16;
#endif

typedef float Vector __attribute__((vector_size(V * 4), may_alias));
typedef float Loose __attribute__((vector_size(V * 4), aligned(4), may_alias));  // memory that others laid out
typedef int Integers __attribute__((vector_size(V * 4)));

inline Vector all(float number) { return number - Vector{}; }
inline Vector& at(float* place) { return *reinterpret_cast<Vector*>(place); }
inline Vector at(const float* place) { return *reinterpret_cast<const Vector*>(place); }

// exp(y) - 1 = 2^n (exp(r) - 1) + (2^n - 1) with y = n ln 2 + r, so that nothing cancels where y is small.
inline Vector expm1(Vector y) {
    y = y < -87.0f ? all(-87.0f) : y;
    y = y > 87.0f ? all(87.0f) : y;
    const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    Vector n = (y * 1.44269504f + magic) - magic;
    Vector r = y - n * 0.693145752f - n * 1.42860677e-6f;
    Vector tail = r * (1.0f / 5040) + 1.0f / 720;
    tail = tail * r + 1.0f / 120;
    tail = tail * r + 1.0f / 24;
    tail = tail * r + 1.0f / 6;
    tail = tail * r + 0.5f;
    Vector power = (Vector)((__builtin_convertvector(n, Integers) + 127) << 23);
    return power * (tail * (r * r) + r) + (power - 1.0f);
}

inline Vector sigmoid(Vector x) { return 1.0f / (2.0f + expm1(-x)); }

inline Vector tanh(Vector x) {
    Vector e = expm1(2.0f * (x > 20.0f ? all(20.0f) : x));
    return e / (e + 2.0f);
}

// sums[r][n] += factors[r, k] * columns[k, n] for k < depth, n counting vectors.
template <long R, long N>
inline void multiply(Vector (&sums)[R][N], const float* factors, long row_stride, long depth_stride,
                     const float* columns, long column_stride, long depth) {
    Vector mine[R][N];  // a copy that nobody can point to stays in registers
#pragma GCC unroll 32
    for (long i = 0; i < R * N; i++) mine[i / N][i % N] = sums[i / N][i % N];
    for (long k = 0; k < depth; k++, factors += depth_stride, columns += column_stride) {
        Vector column[N];
#pragma GCC unroll 8
        for (long n = 0; n < N; n++) column[n] = at(columns + n * V);
#pragma GCC unroll 8
        for (long r = 0; r < R; r++) {
            const Vector factor = all(factors[r * row_stride]);
#pragma GCC unroll 8
            for (long n = 0; n < N; n++) mine[r][n] += factor * column[n];
        }
    }
#pragma GCC unroll 32
    for (long i = 0; i < R * N; i++) sums[i / N][i % N] = mine[i / N][i % N];
}

template <long N>
using Constant = std::integral_constant<long, N>;

// Call block(Constant<size>, first) for blocks of SIZE, and of less at the end, that cover [first, last).
template <long SIZE, class Block>
inline void cover(long first, long last, const Block& block) {
    for (; last - first >= SIZE; first += SIZE) block(Constant<SIZE>{}, first);
    if constexpr (SIZE > 1)
        if (first < last) cover<SIZE - 1>(first, last, block);
}

// The same with blocks as even as they come: 10 is 5 + 5, not 6 + 4, because a tile of few rows wastes loads.
template <long SIZE, class Block>
inline void cover_evenly(long first, long last, const Block& block) {
    if constexpr (SIZE == 1) {
        cover<1>(first, last, block);
    } else {
        const long blocks = (last - first + SIZE - 1) / SIZE, full = (last - first) - blocks * (SIZE - 1);
        if (full <= 0) return cover_evenly<SIZE - 1>(first, last, block);
        cover<SIZE>(first, first + full * SIZE, block);
        cover<SIZE - 1>(first + full * SIZE, last, block);
    }
}
