// Training step of a GAN of two fully connected networks, in float32 on a CPU; the factors of the products may be bfloat16.
//
// Rows are features, columns are images: a product takes its weights in the order in which they lie in memory, all images
// of a feature are in a few vectors, so that BatchNorm is computed while they are in the cache, and a weight is read
// once forward and once backward, when Adam changes it too.
//
//     product_tiles.h  products in registers
//     forward.h        values of a layer
//     adam.h           use of a gradient
//     losses.h         losses and their derivatives
//     backward.h       gradients of a layer

#include <omp.h>

#include "backward.h"
#include "losses.h"

namespace {

// Part of `count` items for the calling thread.
inline Range own_part(long count) { return divide(count, omp_get_thread_num(), omp_get_num_threads()); }

inline void forward_network(const Network& network, long images) {
    for (long i = 0; i < network.count; i++) {
        forward_layer(network, network.layers[i], own_part(network.layers[i].outputs), images);
#pragma omp barrier
    }
}

// Back through all layers of a network; `below` is the layer that makes its inputs.
inline void backward_network(const Network& network, const float* image_weights, const Below& below, long images) {
    for (long i = network.count - 1; i >= 0; i--) {
        const Layer& layer = network.layers[i];
        const Below inside{network, &layer - 1, 0, network.columns, nullptr, image_weights, images};
        LayerBackward(network, layer, image_weights, i ? inside : below).run(own_part((layer.inputs + V - 1) / V));
#pragma omp barrier
    }
}

// Numbers of real and fake images to columns, padding zero.
inline void spread(const float* numbers, long images, long columns, float* to) {
    for (long c = 0; c < columns; c++) {
        to[c] = c < images ? numbers[c] : 0;
        to[columns + c] = c < images ? numbers[images + c] : 0;
    }
}

}  // namespace

extern "C" void step_forward(const Step* step) {
    const Step& s = *step;
    const Network &generator = s.generator, &discriminator = s.discriminator;
#pragma omp parallel num_threads(s.threads)
    {
        const Range vectors = own_part(s.columns / V);
        transpose_images(s.latents, s.images, generator.layers[0].inputs, generator.inputs, generator.columns, vectors);
        transpose_images(s.real, s.images, discriminator.layers[0].inputs, discriminator.inputs, discriminator.columns,
                         vectors);
#pragma omp barrier
        forward_network(generator, s.images);
        forward_network(discriminator, s.images);
    }
    for (long b = 0; b < s.images; b++) {
        s.logits[b] = discriminator.last().values[b];
        s.logits[s.images + b] = discriminator.last().values[s.columns + b];
    }
    for (long i = 0; i < generator.count; i++)
        if (generator.layers[i].scale) ++*generator.layers[i].num_batches;
}

extern "C" void step_backward(const Step* step) {
    const Step& s = *step;
    const Network &generator = s.generator, &discriminator = s.discriminator;
    float *d_generator = scratch<6>(4 * s.columns), *d_discriminator = d_generator + 2 * s.columns;
    spread(s.d_generator, s.images, s.columns, d_generator);
    spread(s.d_discriminator, s.images, s.columns, d_discriminator);
    for (long c = 0; c < 2 * s.columns; c++)  // of a logit, with respect to itself
        discriminator.last().gradient[c] = c % s.columns < s.images;
    const float d_bias = sum_columns(2 * s.columns, [&](long c) { return vector_at(d_discriminator + c); });
    GradientUse(discriminator).use(discriminator.last().bias, &d_bias, 1);
#pragma omp parallel num_threads(s.threads)
    {
        const Below images{generator, &generator.last(), s.columns, s.columns, d_generator + s.columns, nullptr, s.images};
        backward_network(discriminator, d_discriminator, images, s.images);
        backward_network(generator, nullptr, {generator, nullptr, 0, 0, nullptr, nullptr, 0}, s.images);
    }
}

// The whole step, with one of the losses of `losses.h`.
extern "C" void step_whole(const Step* step) {
    step_forward(step);
    compute_losses(*step);
    step_backward(step);
}

extern "C" long floats_per_vector() { return V; }
