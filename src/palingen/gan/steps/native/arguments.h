// Arguments of the two entry points, in the order of `arguments.py`. Rows of all matrices of numbers of images are
// features, columns are images, padded to whole vectors; numbers in the padding are finite, gradients zero.
#pragma once

#include "memory.h"
#include "ranges.h"

enum Activation : long { IDENTITY, LEAKY_RELU, TANH, SIGMOID };

// Linear layer, and the BatchNorm and activation after it.
struct Layer {
    long inputs, outputs, activation;
    float *weight, *bias;                // [outputs, inputs], [outputs]
    float *scale, *shift;                // of BatchNorm [outputs]; null without
    float *running_mean, *running_var;   // [outputs]
    long *num_batches;                   // of the running statistics
    float *inverse_std, *normalized;     // of this batch, [outputs] and [outputs, columns]
    float *values;                       // [outputs, columns] after the activation
    long stride;                         // of `values`
    float *gradient;                     // [outputs, columns] with respect to the linear layer's outputs
    float slope, momentum, eps;
};

// Parameters of a network lie behind each other, their gradients and Adam's moments in the same order.
struct Network {
    const Layer *layers;
    long count, columns;
    float *inputs;                       // [layers[0].inputs, columns]
    float *parameters;
    float *gradients;                    // null: update the parameters by Adam
    float *first_moment, *second_moment;
    float step_size, beta1, beta2, eps;  // the step size divided by the first moment's bias correction
    float correction;                    // one over the root of the second moment's bias correction

    const Layer& last() const { return layers[count - 1]; }
    const float* inputs_of(const Layer& layer) const { return &layer == layers ? inputs : (&layer)[-1].values; }
    long stride_of_inputs(const Layer& layer) const { return &layer == layers ? columns : (&layer)[-1].stride; }
};

struct Step {
    Network generator, discriminator;    // the generator's images are the right half of the discriminator's inputs
    long images, columns;                // of each kind
    const float *latents;                // [images, inputs of the generator]
    const float *real;                   // [images, inputs of the discriminator]
    float *logits;                       // [2 images], of real ones, then of fake ones
    float *d_generator, *d_discriminator;  // [2 images] gradients of each network's loss with respect to them
    float *metrics;                      // losses of generator and discriminator, accuracies on real and fake images
    long loss, threads;
    float discriminator_weight;          // of the discriminator's loss
};
