// Vectors of floats, and the functions of them that gates need.
#pragma once

#if defined(__AVX__)
#include <immintrin.h>
#endif

#include <type_traits>
#include <utility>

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

// Inlined at any cost: a call would store all registers.
#define INLINE inline __attribute__((always_inline))

INLINE Vector broadcast(float number) { return number - Vector{}; }
inline Vector& vector_at(float* address) { return *reinterpret_cast<Vector*>(address); }
inline Vector vector_at(const float* address) { return *reinterpret_cast<const Vector*>(address); }
inline void stream(float* address, Vector units) {
#if defined(__AVX512F__)
    _mm512_stream_ps(address, (__m512)units);
#elif defined(__AVX__)
    _mm256_stream_ps(address, (__m256)units);
#else
    vector_at(address) = units;
#endif
}

// y between -limit and limit, NaN where y is NaN: the instructions return their second operand then.
INLINE Vector clamp(Vector y, float limit) {
#if defined(__AVX512F__)
    return (Vector)_mm512_min_ps((__m512)broadcast(limit), _mm512_max_ps((__m512)broadcast(-limit), (__m512)y));
#elif defined(__AVX__)
    return (Vector)_mm256_min_ps((__m256)broadcast(limit), _mm256_max_ps((__m256)broadcast(-limit), (__m256)y));
#else
    y = y < -limit ? broadcast(-limit) : y;
    return y > limit ? broadcast(limit) : y;
#endif
}

// 1 / y to about one unit in the last place, for y neither zero nor infinite: a table and one step of Newton's method,
// because a division occupies the multipliers four times as long.
INLINE Vector reciprocal(Vector y) {
#if defined(__AVX512F__)
    const Vector guess = (Vector)_mm512_rcp14_ps((__m512)y);
#elif defined(__AVX__)
    const Vector guess = (Vector)_mm256_rcp_ps((__m256)y);
#else
    return 1.0f / y;
#endif
#if defined(__AVX__)
    return guess + guess * (1.0f - y * guess);
#endif
}

INLINE Vector square_root(Vector y) {
#if defined(__AVX512F__)
    return (Vector)_mm512_sqrt_ps((__m512)y);
#elif defined(__AVX__)
    return (Vector)_mm256_sqrt_ps((__m256)y);
#else
    for (long v = 0; v < V; v++) y[v] = __builtin_sqrtf(y[v]);
    return y;
#endif
}

// Sum of all lanes.
INLINE float total(Vector y) {
#if defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512)y);
#else
    float sum = 0;
    for (long v = 0; v < V; v++) sum += y[v];
    return sum;
#endif
}

// y = n ln 2 + r with a whole n and |r| <= ln(2) / 2: exp(y) = 2^n exp(r). Beyond +-87 floats have no such power.
struct Reduced {
    Vector power, r;
    INLINE explicit Reduced(Vector y) {
        const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, in the lowest bits
        y = clamp(y, 87.0f);
        const Vector shifted = y * 1.44269504f + magic;
        r = y - (shifted - magic) * 0.693147182f;
        power = (Vector)(((Integers)shifted << 23) + 0x3f800000);
    }
};

// exp(y) - 1 = 2^n (exp(r) - 1) + (2^n - 1), so that nothing cancels where y is small. Polynomials are minimax fits.
INLINE Vector expm1(Vector y) {
    const Reduced reduced(y);
    const Vector r = reduced.r;
    Vector tail = r * 1.39464973e-3f + 8.36661085e-3f;
    tail = tail * r + 4.16662805e-2f;
    tail = tail * r + 0.166665435f;
    tail = tail * r + 0.5f;
    return reduced.power * (tail * (r * r) + r) + (reduced.power - 1.0f);
}

// 1 / (1 + exp(-x)), with exp(r) to 1e-7.
INLINE Vector sigmoid(Vector x) {
    const Reduced reduced(-x);
    const Vector r = reduced.r;
    Vector sum = r * 8.37944169e-3f + 4.18997332e-2f;
    sum = sum * r + 0.166663587f;
    sum = sum * r + 0.499991328f;
    sum = sum * r + 1.0f;
    sum = sum * r + 1.0f;
    return reciprocal(reduced.power * sum + 1.0f);
}

INLINE Vector tanh(Vector x) {
    const Vector e = expm1(clamp(2.0f * x, 40.0f));
    return e * reciprocal(e + 2.0f);
}

// V floats, of which only the first `count` have memory; the others are zero.
inline Vector load_unaligned(const float* from) { return *reinterpret_cast<const UnalignedVector*>(from); }
inline Vector load_units(const float* from, long count) {
    if (count >= V) return load_unaligned(from);
    Vector units{};
    for (long v = 0; v < count; v++) units[v] = from[v];
    return units;
}
inline void store_units(float* to, Vector units, long count) {
    if (count >= V) *reinterpret_cast<UnalignedVector*>(to) = units;
    else
        for (long v = 0; v < count; v++) to[v] = units[v];
}

// Lanes of two vectors exchanged in pairs of blocks of S: what is left of them in the first, what is right in the other.
template <long S, int... L>
inline void exchange(Vector& a, Vector& b, std::integer_sequence<int, L...>) {
#if defined(__clang__)
    const Vector left = __builtin_shufflevector(a, b, (L & S ? V + L - S : L)...);
    b = __builtin_shufflevector(a, b, (L & S ? V + L : L + S)...);
#else
    const Vector left = __builtin_shuffle(a, b, Integers{(L & S ? int(V + L - S) : L)...});
    b = __builtin_shuffle(a, b, Integers{(L & S ? int(V + L) : int(L + S))...});
#endif
    a = left;
}

// Transpose a square block in place, in log2(V) rounds.
template <long S = V / 2>
inline void transpose(Vector (&block)[V]) {
    if constexpr (S > 0) {
#pragma GCC unroll 16
        for (long v = 0; v < V; v++)
            if (!(v & S)) exchange<S>(block[v], block[v + S], std::make_integer_sequence<int, V>{});
        transpose<S / 2>(block);
    }
}
