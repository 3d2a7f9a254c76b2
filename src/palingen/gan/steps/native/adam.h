// Gradients of parameters: written, or used by Adam at once.
#pragma once

#include "arguments.h"

namespace {

// What becomes of the gradients of a network. A copy of its arguments, which the compiler keeps in registers.
struct GradientUse {
    float *parameters, *gradients, *first_moment, *second_moment;
    Vector decay1, beta2, decay2, eps, correction, step_size;

    explicit GradientUse(const Network& network)
        : parameters(network.parameters), gradients(network.gradients), first_moment(network.first_moment),
          second_moment(network.second_moment), decay1(broadcast(1 - network.beta1)), beta2(broadcast(network.beta2)),
          decay2(broadcast(1 - network.beta2)), eps(broadcast(network.eps)),
          correction(broadcast(network.correction)), step_size(broadcast(network.step_size)) {}

    // Use the gradient of up to V neighbouring parameters, of which `count` exist; `values` are the parameters.
    INLINE void use(float* parameter, Vector values, Vector gradient, long count) const {
        const long position = parameter - parameters;
        if (gradients) return store_units(gradients + position, gradient, count);
        float *first = first_moment + position, *second = second_moment + position;
        Vector m = load_units(first, count), v = load_units(second, count);
        m += (gradient - m) * decay1;
        v = v * beta2 + gradient * gradient * decay2;
        store_units(first, m, count);
        store_units(second, v, count);
        store_units(parameter, values - m * step_size * reciprocal(square_root(v) * correction + eps), count);
    }

    void use(float* parameter, const float* gradient, long count) const {
        for (long k = 0; k < count; k += V)
            use(parameter + k, load_units(parameter + k, count - k), load_units(gradient + k, count - k), count - k);
    }
};

// Requests for the parameters of the next tile and their moments, row by row while the product of this one is computed:
// all at once they would fill the queue of requests, and later they would come too late.
struct Prefetch {
    static constexpr long PARTS = 8, LINE = 16;  // parts of a product; floats of a cache line
    const GradientUse& use;
    const float* first;
    long rows, stride, floats;

    INLINE void request(long row) const {
        if (row >= rows) return;
        const float* parameter = first + row * stride;
        const long position = parameter - use.parameters;
        for (long k = 0; k < floats; k += LINE) {
            __builtin_prefetch(parameter + k, 1);
            if (use.gradients) continue;
            __builtin_prefetch(use.first_moment + position + k, 1);
            __builtin_prefetch(use.second_moment + position + k, 1);
        }
    }
};

}  // namespace
