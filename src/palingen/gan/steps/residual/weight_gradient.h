// Weight gradient of a convolution: products over pixels and images, two images at a time. Sums for its bias.
#pragma once

#include <vector>

#include "gather_product.h"

constexpr long ROWS = 8;          // output channels of a tile
constexpr long BLOCK_PAIRS = 4;   // pairs of images whose copies fit the second cache level

// Inputs c_i a_i + t_i and output gradients of a batch.
struct Operands {
    const bfloat16 *input, *tangent;  // [images, pixels, channels]; the tangent may be null
    const bfloat16* grad_output;
    const float* coefficients;  // [images]; null: all 1
};

INLINE __m512 operand(const Operands& o, long image, long at) {
    const __m512 input = widen(load_half(o.input + at));
    if (!o.coefficients) return input;
    const __m512 scaled = input * _mm512_set1_ps(o.coefficients[image]);
    return o.tangent ? scaled + widen(load_half(o.tangent + at)) : scaled;
}

INLINE __m512i interleave(__m256i first, __m256i second) {
    return _mm512_or_si512(_mm512_cvtepu16_epi32(first), _mm512_slli_epi32(_mm512_cvtepu16_epi32(second), 16));
}

// Copies of a pair of images: inputs as [blocks of channels][pixels][channels of the block][2], output gradients as
// [channels / ROWS][pixels][ROWS][2].
inline void pack_pair(const Geometry& g, const Operands& o, long pair, bfloat16* inputs, bfloat16* gradients) {
    const long image = 2 * pair;
    const bool is_whole = image + 1 < g.images;
    const __m256i nothing = _mm256_setzero_si256();
    for (long first = 0; first < g.in.channels; first += TILE_VECTORS * LANES) {
        const long end = std::min(first + TILE_VECTORS * LANES, g.in.channels);
        for (long pixel = 0; pixel < g.in.pixels(); pixel++)
            for (long channel = first; channel < end; channel += LANES, inputs += 2 * LANES) {
                const long at = image * g.in.numbers() + pixel * g.in.channels + channel;
                const __m256i second = is_whole ? narrow(operand(o, image + 1, at + g.in.numbers())) : nothing;
                _mm512_storeu_si512(inputs, interleave(narrow(operand(o, image, at)), second));
            }
    }
    for (long pixel = 0; pixel < g.out.pixels(); pixel++)
        for (long channel = 0; channel < g.out.channels; channel += LANES) {
            const bfloat16* at = o.grad_output + image * g.out.numbers() + pixel * g.out.channels + channel;
            const __m512i both = interleave(load_half(at), is_whole ? load_half(at + g.out.numbers()) : nothing);
            bfloat16* to = gradients + (channel / ROWS * g.out.pixels() + pixel) * 2 * ROWS;
            _mm256_storeu_si256((__m256i*)to, _mm512_castsi512_si256(both));
            _mm256_storeu_si256((__m256i*)(to + g.out.pixels() * 2 * ROWS), _mm512_extracti64x4_epi64(both, 1));
        }
}

template <long VECTORS>
void weight_tile(const Geometry& g, const bfloat16* inputs, const bfloat16* gradients, long pairs, long tap,
                 long first_out, long first_in, float* weights) {
    const long ty = tap / g.kernel_width, tx = tap % g.kernel_width;
    const Range ys(ty, g.stride_y, g.padding_y, g.in.height, g.out.height);
    const Range xs(tx, g.stride_x, g.padding_x, g.in.width, g.out.width);
    const long row_length = g.taps() * g.in.channels;
    float* corner = weights + first_out * row_length + tap * g.in.channels + first_in;
    __m512 sums[ROWS][VECTORS];
    for (long r = 0; r < ROWS; r++)
        for (long v = 0; v < VECTORS; v++) sums[r][v] = _mm512_loadu_ps(corner + r * row_length + v * LANES);
    for (long pair = 0; pair < pairs; pair++) {
        const bfloat16* in = inputs + 2 * (pair * g.in.numbers() + first_in * g.in.pixels());
        const bfloat16* out = gradients + 2 * (pair * g.out.numbers() + first_out * g.out.pixels());
        for (long y = ys.first; y < ys.end; y++) {
            const long in_y = y * g.stride_y - g.padding_y + ty, in_x = xs.first * g.stride_x - g.padding_x + tx;
            const __m512i* column = (const __m512i*)in + (in_y * g.in.width + in_x) * VECTORS;
            const Pair* row = (const Pair*)out + (y * g.out.width + xs.first) * ROWS;
            for (long x = xs.first; x < xs.end; x++, column += g.stride_x * VECTORS, row += ROWS) {
                __m512i columns[VECTORS];
                for (long v = 0; v < VECTORS; v++) columns[v] = _mm512_loadu_si512(column + v);
                for (long r = 0; r < ROWS; r++) {
                    const __m512i gradient = _mm512_set1_epi32(row[r]);
                    for (long v = 0; v < VECTORS; v++) sums[r][v] = dot(sums[r][v], columns[v], gradient);
                }
            }
        }
    }
    for (long r = 0; r < ROWS; r++)
        for (long v = 0; v < VECTORS; v++) _mm512_storeu_ps(corner + r * row_length + v * LANES, sums[r][v]);
}

// Adds the products of one block of images to `weights`; called by all threads.
inline void add_block(const Geometry& g, const bfloat16* inputs, const bfloat16* gradients, long pairs, float* weights) {
    const long blocks = (g.in.channels + TILE_VECTORS * LANES - 1) / (TILE_VECTORS * LANES);
#pragma omp for collapse(3)
    for (long tap = 0; tap < g.taps(); tap++)
        for (long block = 0; block < blocks; block++)
            for (long row = 0; row < g.out.channels; row += ROWS) {
                const long first = block * TILE_VECTORS * LANES, vectors = (g.in.channels - first) / LANES;
                if (vectors >= 3) weight_tile<3>(g, inputs, gradients, pairs, tap, row, first, weights);
                else if (vectors == 2) weight_tile<2>(g, inputs, gradients, pairs, tap, row, first, weights);
                else weight_tile<1>(g, inputs, gradients, pairs, tap, row, first, weights);
            }
}

// weights [out channels, taps, in channels], zero at first.
inline void add_products(const Geometry& g, const Operands& o, float* weights) {
    const long pairs = (g.images + 1) / 2;
    static thread_local std::vector<bfloat16> inputs, gradients;
    inputs.resize(2 * BLOCK_PAIRS * g.in.numbers());
    gradients.resize(2 * BLOCK_PAIRS * g.out.numbers());
    bfloat16 *in = inputs.data(), *out = gradients.data();
#pragma omp parallel
    for (long first = 0; first < pairs; first += BLOCK_PAIRS) {
        const long count = std::min(BLOCK_PAIRS, pairs - first);
#pragma omp for
        for (long pair = 0; pair < count; pair++)
            pack_pair(g, o, first + pair, in + 2 * pair * g.in.numbers(), out + 2 * pair * g.out.numbers());
        add_block(g, in, out, count, weights);
    }
}

// Sums [channels] over images and pixels of [images, pixels, channels], each image times its coefficient (null: 1).
inline void add_channels(long images, Plane plane, const bfloat16* numbers, const float* coefficients, float* sums) {
#pragma omp parallel for
    for (long channel = 0; channel < plane.channels; channel += LANES) {
        __m512 total = _mm512_setzero_ps();
        for (long image = 0; image < images; image++) {
            const bfloat16* at = numbers + image * plane.numbers() + channel;
            __m512 sum = _mm512_setzero_ps();
            for (long pixel = 0; pixel < plane.pixels(); pixel++) sum += widen(load_half(at + pixel * plane.channels));
            total += coefficients ? sum * _mm512_set1_ps(coefficients[image]) : sum;
        }
        _mm512_storeu_ps(sums + channel, total);
    }
}
