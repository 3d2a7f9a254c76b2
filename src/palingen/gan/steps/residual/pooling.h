// LeakyReLU and average pooling of the same numbers, and the gradient of the pooling.
#pragma once

#include "gather_product.h"

// activated = LeakyReLU of the input, or the input times the slope at the reference; pooled = means of 2 x 2 pixels.
inline void activate_and_pool(long images, Plane plane, const bfloat16* input, const bfloat16* reference, float slope,
                              bfloat16* activated, bfloat16* pooled) {
    const long row = plane.width * plane.channels;
#pragma omp parallel for
    for (long rows = 0; rows < images * plane.height / 2; rows++)
        for (long x = 0; x < plane.width; x += 2)
            for (long channel = 0; channel < plane.channels; channel += LANES) {
                const long corner = 2 * rows * row + x * plane.channels + channel;
                __m512 sum = _mm512_setzero_ps();
                for (long at : {corner, corner + plane.channels, corner + row, corner + row + plane.channels}) {
                    const __m512 numbers = widen(load_half(input + at));
                    const __m512 signs = reference ? widen(load_half(reference + at)) : numbers;
                    _mm256_storeu_si256((__m256i*)(activated + at), narrow(leaky(numbers, signs, slope)));
                    sum += numbers;
                }
                const long pixel = rows * (plane.width / 2) + x / 2;
                _mm256_storeu_si256((__m256i*)(pooled + pixel * plane.channels + channel), narrow(sum * 0.25f));
            }
}

// Adds to a gradient that of the mean of 2 x 2 pixels.
inline void add_pool_gradient(long images, Plane plane, const bfloat16* grad_pooled, bfloat16* gradient) {
    const long row = plane.width * plane.channels;
#pragma omp parallel for
    for (long rows = 0; rows < images * plane.height / 2; rows++)
        for (long x = 0; x < plane.width; x += 2)
            for (long channel = 0; channel < plane.channels; channel += LANES) {
                const long pixel = rows * (plane.width / 2) + x / 2;
                const __m512 part = widen(load_half(grad_pooled + pixel * plane.channels + channel)) * 0.25f;
                const long corner = 2 * rows * row + x * plane.channels + channel;
                for (long at : {corner, corner + plane.channels, corner + row, corner + row + plane.channels})
                    _mm256_storeu_si256((__m256i*)(gradient + at), narrow(widen(load_half(gradient + at)) + part));
            }
}
