// Peak of a core's multiply-add instructions: independent chains in registers, without memory.

#if defined(__AVX512F__)
constexpr int V = 16;
#elif defined(__AVX__)
constexpr int V = 8;
#else
constexpr int V = 4;
#endif

typedef float Vector __attribute__((vector_size(V * 4)));

// Floating point operations done: `rounds` in each of 12 chains, more than latency times units.
extern "C" double multiply_add(long rounds) {
    Vector sums[12];
#pragma GCC unroll 12
    for (int i = 0; i < 12; i++) sums[i] = Vector{} + float(i);
    const Vector factor = Vector{} + 0.999f;
    for (long round = 0; round < rounds; round++) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++) {
            sums[i] = sums[i] * factor + factor;
            asm volatile("" : "+v"(sums[i]));  // neither merged nor left out
        }
    }
    return 2.0 * V * 12 * rounds;
}
