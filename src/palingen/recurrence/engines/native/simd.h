// Vectors of floats, the functions of them that gates need, and a product of small matrices kept in registers.
#pragma once

#include <type_traits>

#if defined(__AVX512F__)
constexpr long V = 16, REGISTERS = 32;  // floats in a vector; vector registers of the CPU
#elif defined(__AVX__)
constexpr long V = 8, REGISTERS = 16;
#else
constexpr long V = 4, REGISTERS = 16;
#endif

typedef float Vector __attribute__((vector_size(V * 4), may_alias));
typedef float UnalignedVector __attribute__((vector_size(V * 4), aligned(4), may_alias));
typedef int Integers __attribute__((vector_size(V * 4)));

inline Vector broadcast(float number) { return number - Vector{}; }
inline Vector& vector_at(float* address) { return *reinterpret_cast<Vector*>(address); }
inline Vector vector_at(const float* address) { return *reinterpret_cast<const Vector*>(address); }

// exp(y) - 1 = 2^n (exp(r) - 1) + (2^n - 1) with y = n ln 2 + r, so that nothing cancels where y is small.
inline Vector expm1(Vector y) {
    y = y < -87.0f ? broadcast(-87.0f) : y;
    y = y > 87.0f ? broadcast(87.0f) : y;
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
    Vector e = expm1(2.0f * (x > 20.0f ? broadcast(20.0f) : x));
    return e / (e + 2.0f);
}

// sums[r][n] += factors[r, k] * columns[k, n], summed over k < depth; n counts vectors.
template <long R, long N>
inline void multiply_add(Vector (&sums)[R][N], const float* factors, long row_stride, long depth_stride,
                         const float* columns, long column_stride, long depth) {
    Vector local[R][N];  // stays in registers, because no pointer reaches it
#pragma GCC unroll 32
    for (long i = 0; i < R * N; i++) local[i / N][i % N] = sums[i / N][i % N];
    for (long k = 0; k < depth; k++, factors += depth_stride, columns += column_stride) {
        Vector column[N];
#pragma GCC unroll 8
        for (long n = 0; n < N; n++) column[n] = vector_at(columns + n * V);
#pragma GCC unroll 8
        for (long r = 0; r < R; r++) {
            const Vector factor = broadcast(factors[r * row_stride]);
#pragma GCC unroll 8
            for (long n = 0; n < N; n++) local[r][n] += factor * column[n];
        }
    }
#pragma GCC unroll 32
    for (long i = 0; i < R * N; i++) sums[i / N][i % N] = local[i / N][i % N];
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
