// Forward pass and input gradient of a convolution: each pixel gathers products of pixels and weights.
//
// A tile is one pixel of eight images and up to 48 channels, so that padding costs nothing: its taps are left out.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <vector>

#include "geometry.h"

#define INLINE inline __attribute__((always_inline))

constexpr long LANES = 16, TILE_IMAGES = 8, TILE_VECTORS = 3;

inline __m512 dot(__m512 sum, __m512i a, __m512i b) { return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b); }
inline __m512 widen(__m256i half) { return (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16); }
inline __m256i narrow(__m512 numbers) { return (__m256i)_mm512_cvtneps_pbh(numbers); }
inline __m256i load_half(const bfloat16* from) { return _mm256_loadu_si256((const __m256i*)from); }
inline bfloat16 rounded(float number) {
    return (bfloat16)_mm_extract_epi16((__m128i)_mm_cvtneps_pbh(_mm_set_ss(number)), 0);
}

// Numbers above 0 keep their slope of 1.
INLINE __m512 leaky(__m512 numbers, __m512 signs, float slope) {
    const __mmask16 is_negative = _mm512_cmp_ps_mask(signs, _mm512_setzero_ps(), _CMP_LE_OQ);
    return _mm512_mask_mul_ps(numbers, is_negative, numbers, _mm512_set1_ps(slope));
}

// Element-wise work on a product before it is stored; null pointers leave a part out.
struct Epilogue {
    const float* bias;                                  // [channels]
    const bfloat16 *addend, *reference, *late_addend;  // [images, pixels, channels]
    float slope;                                        // of the LeakyReLU below 0
    long activates;                                     // whether the LeakyReLU is applied
    // (product + bias + addend), through the LeakyReLU or times its slope at the reference, + late addend
    INLINE __m512 operator()(__m512 numbers, long at) const {
        if (addend) numbers += widen(load_half(addend + at));
        if (activates) numbers = leaky(numbers, numbers, slope);
        if (reference) numbers = leaky(numbers, widen(load_half(reference + at)), slope);
        return late_addend ? numbers + widen(load_half(late_addend + at)) : numbers;
    }
};

// One input pixel of an output pixel, and the tap between them.
struct Source {
    long pixel, tap;
};

// Sources of every output pixel.
typedef std::vector<std::vector<Source>> Sources;

// Calls visit(input pixel, output pixel, tap) for all that a convolution connects.
template <typename Visit>
void visit_taps(const Geometry& g, const Visit& visit) {
    for (long tap = 0; tap < g.taps(); tap++) {
        const long ty = tap / g.kernel_width, tx = tap % g.kernel_width;
        const Range ys(ty, g.stride_y, g.padding_y, g.in.height, g.out.height);
        const Range xs(tx, g.stride_x, g.padding_x, g.in.width, g.out.width);
        for (long y = ys.first; y < ys.end; y++)
            for (long x = xs.first; x < xs.end; x++) {
                const long in_y = y * g.stride_y - g.padding_y + ty, in_x = x * g.stride_x - g.padding_x + tx;
                visit(in_y * g.in.width + in_x, y * g.out.width + x, tap);
            }
    }
}

struct Gather {
    Plane from, to;
    long images, taps;
    const bfloat16* input;
    const bfloat16* weights;  // [blocks of to.channels][taps][from.channels / 2][channels of the block][2]
    const Epilogue& epilogue;
    void* output;
    bool is_float;  // of the output; else bfloat16
    const Sources& sources;
};

template <long VECTORS>
INLINE void store_pixel(const Gather& g, const __m512* sums, long at) {
    for (long v = 0; v < VECTORS; v++, at += LANES) {
        const __m512 numbers = g.epilogue(sums[v], at);
        if (g.is_float) _mm512_storeu_ps((float*)g.output + at, numbers);
        else _mm256_storeu_si256((__m256i*)((bfloat16*)g.output + at), narrow(numbers));
    }
}

template <long VECTORS>
void gather_tile(const Gather& g, long first_image, long pixel, long first_channel) {
    const bfloat16* rows[TILE_IMAGES];
    for (long i = 0; i < TILE_IMAGES; i++)
        rows[i] = g.input + std::min(first_image + i, g.images - 1) * g.from.numbers();
    __m512 sums[TILE_IMAGES][VECTORS];
    const float* bias = g.epilogue.bias;
    for (long v = 0; v < VECTORS; v++) {
        const __m512 start = bias ? _mm512_loadu_ps(bias + first_channel + v * LANES) : _mm512_setzero_ps();
        for (long i = 0; i < TILE_IMAGES; i++) sums[i][v] = start;
    }
    const long pairs = g.from.channels / 2;
    const bfloat16* block = g.weights + first_channel * g.taps * g.from.channels;
    for (const Source& source : g.sources[pixel]) {
        const __m512i* weights = (const __m512i*)block + source.tap * pairs * VECTORS;
        const long offset = source.pixel * g.from.channels;
        for (long pair = 0; pair < pairs; pair++, weights += VECTORS) {
            __m512i columns[VECTORS];
            for (long v = 0; v < VECTORS; v++) columns[v] = _mm512_loadu_si512(weights + v);
            for (long i = 0; i < TILE_IMAGES; i++) {
                const __m512i row = _mm512_set1_epi32(((const Pair*)(rows[i] + offset))[pair]);
                for (long v = 0; v < VECTORS; v++) sums[i][v] = dot(sums[i][v], columns[v], row);
            }
        }
    }
    for (long i = 0; i < std::min(TILE_IMAGES, g.images - first_image); i++)
        store_pixel<VECTORS>(g, sums[i], ((first_image + i) * g.to.pixels() + pixel) * g.to.channels + first_channel);
}

inline void gather(const Gather& g) {
    const long tiles = (g.images + TILE_IMAGES - 1) / TILE_IMAGES;
    const long blocks = (g.to.channels + TILE_VECTORS * LANES - 1) / (TILE_VECTORS * LANES);
#pragma omp parallel for collapse(2)
    for (long tile = 0; tile < tiles; tile++)
        for (long block = 0; block < blocks; block++) {
            const long first = block * TILE_VECTORS * LANES, vectors = (g.to.channels - first) / LANES;
            for (long pixel = 0; pixel < g.to.pixels(); pixel++) {
                if (vectors >= 3) gather_tile<3>(g, tile * TILE_IMAGES, pixel, first);
                else if (vectors == 2) gather_tile<2>(g, tile * TILE_IMAGES, pixel, first);
                else gather_tile<1>(g, tile * TILE_IMAGES, pixel, first);
            }
        }
}
