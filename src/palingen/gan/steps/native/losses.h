// Losses of both networks and their derivatives, as in `objectives/losses.py`: means over pairs of real and fake images.
#pragma once

#include <cmath>

#include "arguments.h"

namespace {

enum Loss : long { MINIMAX, NON_SATURATING, LEAST_SQUARES, HINGE, WASSERSTEIN, RELATIVISTIC };

// Value of a pair, and its derivatives with respect to the logits of its real and of its fake image.
struct PairLoss {
    double value, d_real, d_fake;
};

inline double logistic(double x) { return 1 / (1 + std::exp(-x)); }
inline double softplus(double x) { return (x > 0 ? x : 0) + std::log1p(std::exp(-std::fabs(x))); }
inline double relu(double x) { return x < 0 ? 0 : x; }  // NaN where x is NaN

inline PairLoss generator_loss(long loss, double real, double fake) {
    switch (loss) {
        case MINIMAX: return {-softplus(fake), 0, -logistic(fake)};
        case NON_SATURATING: return {softplus(-fake), 0, -logistic(-fake)};
        case LEAST_SQUARES: return {(fake - 1) * (fake - 1) / 2, 0, fake - 1};
        case RELATIVISTIC: return {softplus(real - fake), logistic(real - fake), -logistic(real - fake)};
        default: return {-fake, 0, -1};
    }
}

inline PairLoss discriminator_loss(long loss, double real, double fake) {
    switch (loss) {
        case LEAST_SQUARES: return {((real - 1) * (real - 1) + fake * fake) / 2, real - 1, fake};
        case HINGE: return {relu(1 - real) + relu(1 + fake), real < 1 ? -1. : 0., fake > -1 ? 1. : 0.};
        case WASSERSTEIN: return {fake - real, -1, 1};
        case RELATIVISTIC: return {softplus(fake - real), -logistic(fake - real), logistic(fake - real)};
        default: return {softplus(-real) + softplus(fake), -logistic(-real), logistic(fake)};
    }
}

// Metrics and derivatives of a step from its logits.
inline void compute_losses(const Step& s) {
    double sums[4] = {};
    for (long b = 0; b < s.images; b++) {
        const double real = s.logits[b], fake = s.logits[s.images + b], weight = s.discriminator_weight / s.images;
        const PairLoss g = generator_loss(s.loss, real, fake), d = discriminator_loss(s.loss, real, fake);
        s.d_generator[b] = g.d_real / s.images, s.d_generator[s.images + b] = g.d_fake / s.images;
        s.d_discriminator[b] = weight * d.d_real, s.d_discriminator[s.images + b] = weight * d.d_fake;
        const double terms[] = {g.value, s.discriminator_weight * d.value, double(real > 0), double(fake < 0)};
        for (long i = 0; i < 4; i++) sums[i] += terms[i] / s.images;
    }
    for (long i = 0; i < 4; i++) s.metrics[i] = sums[i];
}

}  // namespace
