// Convolutions of images as products: the pixels that a kernel covers become the channels of its output pixel.
#pragma once

#include <cstring>
#include <vector>

#include "gather_product.h"

// Numbers of an unfolded image.
inline long unfolded_numbers(const Geometry& g) { return g.out.pixels() * g.taps() * g.in.channels; }

// Calls visit(first input pixel, output pixel, first tap, pixels) for runs of pixels and taps that lie side by side.
template <typename Visit>
INLINE void visit_rows(const Geometry& g, const Visit& visit) {
    for (long y = 0; y < g.out.height; y++)
        for (long ty = 0; ty < g.kernel_height; ty++) {
            const long in_y = y * g.stride_y - g.padding_y + ty;
            if (in_y < 0 || in_y >= g.in.height) continue;
            for (long x = 0; x < g.out.width; x++) {
                const long in_x = x * g.stride_x - g.padding_x, tx = std::max(0l, -in_x);
                const long count = std::min(g.kernel_width, g.in.width - in_x) - tx;
                if (count > 0) visit(in_y * g.in.width + in_x + tx, y * g.out.width + x, ty * g.kernel_width + tx, count);
            }
        }
}

// [images, in pixels, channels] to [images, out pixels, taps * channels], zero where the kernel covers padding.
inline void unfold(const Geometry& g, const float* input, bfloat16* columns) {
    const long channels = g.in.channels, numbers = unfolded_numbers(g);
#pragma omp parallel for
    for (long image = 0; image < g.images; image++) {
        std::vector<bfloat16> from(g.in.numbers());
        for (long i = 0; i < g.in.numbers(); i++) from[i] = rounded(input[image * g.in.numbers() + i]);
        bfloat16* to = columns + image * numbers;
        std::memset(to, 0, numbers * sizeof(bfloat16));
        visit_rows(g, [&](long in, long out, long tap, long count) {
            for (long c = 0; c < count * channels; c++)
                to[(out * g.taps() + tap) * channels + c] = from[in * channels + c];
        });
    }
}

// Sums of [images, out pixels, taps * channels] over what covers a pixel: [images, in pixels, channels], plus bias.
inline void fold(const Geometry& g, const float* columns, const float* bias, float* output) {
    const long channels = g.in.channels, numbers = unfolded_numbers(g);
#pragma omp parallel for
    for (long image = 0; image < g.images; image++) {
        float* to = output + image * g.in.numbers();
        for (long i = 0; i < g.in.numbers(); i++) to[i] = bias ? bias[i % channels] : 0.0f;
        const float* from = columns + image * numbers;
        visit_rows(g, [&](long in, long out, long tap, long count) {
            for (long c = 0; c < count * channels; c++)
                to[in * channels + c] += from[(out * g.taps() + tap) * channels + c];
        });
    }
}
