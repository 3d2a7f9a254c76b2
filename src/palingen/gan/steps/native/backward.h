// Backward pass: for a block of a layer's inputs, the gradients of its weights, which Adam uses at once, and of the inputs,
// by the weights as they were, back through activation and BatchNorm of the layer below.
#pragma once

#include "forward.h"

namespace {

inline Vector derivative(const Layer& layer, Vector value) {
    switch (layer.activation) {
        case LEAKY_RELU: return value > 0.0f ? broadcast(1) : broadcast(layer.slope);
        case TANH: return 1.0f - value * value;
        case SIGMOID: return value * (1.0f - value);
        default: return broadcast(1);
    }
}

// Layer whose values are the inputs of another, as its gradient needs it.
struct Below {
    const Network& network;
    const Layer* layer;           // null: the gradient of the inputs is not needed
    long first_column, columns;   // of the images that the gradient is needed for
    const float* image_factors;   // [columns] of the gradient, or null
    const float* image_weights;   // [columns] of the gradients of its parameters, or null
    long images;                  // that are no padding, of a layer with BatchNorm
};

// Backward pass of one layer. The gradient of a logit is computed once for both networks' losses: `image_weights` are the
// derivatives of the discriminator's loss with respect to the logits [columns], or null.
struct LayerBackward {
    static constexpr long BLOCK = TILE_VECTORS * V;

    const Network& network;
    const Layer& layer;
    const float* image_weights;
    const Below below;
    Columns gradient_columns;  // operands of the two products
    Factors gradient_factors;

    LayerBackward(const Network& network, const Layer& layer, const float* image_weights, const Below& below)
        : network(network), layer(layer), image_weights(image_weights), below(below),
          gradient_columns(feature_columns<2>(layer.gradient, network.columns, layer.outputs, network.columns)),
          gradient_factors(row_factors<3>(layer.gradient, layer.outputs, network.columns)) {}

    // For some vectors of the inputs.
    void run(Range vectors) const {
        for_parts(TILE_VECTORS, vectors.size(), [&](long start, long count) {
            const long first = (vectors.first + start) * V;
            float* weights = scratch<4>(words(layer.outputs) * BLOCK);
            update_weights(first, count, weights);
            if (below.layer) propagate(first, minimum(count * V, layer.inputs - first), count * V, weights);
        });
    }

    // Inputs from `first` on, image by image, times `image_weights`; in bfloat16 words of two images.
    const float* input_panel(long first, long vectors) const {
        const long columns = network.columns, width = vectors * V, stride = network.stride_of_inputs(layer);
        float* panel = scratch<5>(columns * BLOCK);
        for (long j = 0; j < vectors; j++) {
            const long k = first + j * V;
            transpose_rows(network.inputs_of(layer) + k * stride, stride, minimum(V, layer.inputs - k), columns,
                           panel + j * V, width);
        }
        for (long c = 0; image_weights && c < columns; c++)
            for (long k = 0; k < width; k += V) vector_at(panel + c * width + k) *= image_weights[c];
        for (long c = 0; BFLOAT16 && c < columns; c += 2)
            for (long k = 0; k < width; k += V)
                vector_at(panel + c / 2 * width + k) =
                    pairs_across(vector_at(panel + c * width + k), vector_at(panel + (c + 1) * width + k));
        return panel;
    }

    // Use the gradients of the weights of the inputs from `first` on; `old` gets the weights before, words of two rows.
    void update_weights(long first, long vectors, float* old) const {
        const long width = vectors * V, real = minimum(width, layer.inputs - first), stride = layer.inputs;
        const Columns panel{input_panel(first, vectors), width, 0};
        const GradientUse gradients(network);
        Vector tile[TILE], weights[TILE_ROWS + 1][TILE_VECTORS] = {};
        for_parts(TILE_ROWS, layer.outputs, [&](long row, long rows) {
            float* parameters = layer.weight + row * stride + first;
            const Factors factors{gradient_factors.first + row * gradient_factors.row_stride,
                                  gradient_factors.row_stride, 1, 0};
            const long left = layer.outputs - row - rows;
            const Prefetch next{gradients, parameters + rows * stride, minimum(left, TILE_ROWS), stride, real};
            multiply(rows, vectors, factors, panel, words(network.columns), tile, &next);
            for (long r = 0; r < rows; r++)
                for (long j = 0; j < vectors; j++) {
                    float* parameter = parameters + r * stride + j * V;
                    weights[r][j] = load_units(parameter, real - j * V);
                    gradients.use(parameter, weights[r][j], tile[r * vectors + j], real - j * V);
                }
            for (long j = 0; j < vectors; j++) weights[rows][j] = Vector{};
            for (long r = 0; r < rows; r += PAIR)
                for (long j = 0; j < vectors; j++)
                    vector_at(old + (row + r) / PAIR * width + j * V) =
                        pairs_across(weights[r][j], weights[r + PAIR - 1][j]);
        });
    }

    // Gradients of the layer below and of its parameters, for the inputs from `first` on.
    void propagate(long first, long features, long width, const float* weights) const {
        alignas(64) float d_bias[BLOCK] = {}, d_scale[BLOCK] = {}, d_shift[BLOCK] = {};
        Vector tile[TILE];
        for_parts(TILE_ROWS, features, [&](long k, long rows) {
            for_parts(TILE_VECTORS, below.columns / V, [&](long n, long vectors) {
                const Columns part{gradient_columns.first + below.first_column + n * V, gradient_columns.depth_stride, 0};
                multiply(rows, vectors, {weights + k, 1, width, 0}, part, words(layer.outputs), tile);
                for (long i = 0; i < rows * vectors; i++)
                    vector_at(gradient_row(first + k + i / vectors) + (n + i % vectors) * V) = tile[i];
            });
            for (long r = k; r < k + rows; r++) finish_feature(first + r, d_bias[r], d_scale[r], d_shift[r]);
        });
        const GradientUse gradients(below.network);
        gradients.use(below.layer->bias + first, d_bias, features);
        if (!below.layer->scale) return;
        gradients.use(below.layer->scale + first, d_scale, features);
        gradients.use(below.layer->shift + first, d_shift, features);
    }

    float* gradient_row(long feature) const { return below.layer->gradient + feature * below.columns; }

    // Back through activation and BatchNorm of one feature of the layer below, in place.
    void finish_feature(long feature, float& d_bias, float& d_scale, float& d_shift) const {
        float* row = gradient_row(feature);
        const float* values = below.layer->values + feature * below.layer->stride;
        for (long c = 0; c < below.columns; c += V) {
            const Vector factor = derivative(*below.layer, vector_at(values + c));
            vector_at(row + c) *= below.image_factors ? factor * vector_at(below.image_factors + c) : factor;
        }
        if (below.layer->scale) normalize_backward(feature, row, d_scale, d_shift);
        d_bias = sum_columns(below.columns, [&](long c) {
            return below.image_weights ? vector_at(row + c) * vector_at(below.image_weights + c) : vector_at(row + c);
        });
    }

    void normalize_backward(long feature, float* row, float& d_scale, float& d_shift) const {
        const Layer& norm = *below.layer;
        const float* normalized = norm.normalized + feature * below.columns;
        d_shift = sum_columns(below.columns, [&](long c) { return vector_at(row + c); });
        d_scale = sum_columns(below.columns, [&](long c) { return vector_at(row + c) * vector_at(normalized + c); });
        const float factor = norm.scale[feature] * norm.inverse_std[feature];
        const float mean = d_shift / below.images, slope = d_scale / below.images;
        for (long c = 0; c < below.columns; c += V) {
            const Vector centered = vector_at(row + c) - mean - vector_at(normalized + c) * slope;
            vector_at(row + c) = masked(centered * factor, below.images - c);
        }
    }
};

}  // namespace
