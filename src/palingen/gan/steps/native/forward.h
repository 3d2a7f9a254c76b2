// Forward pass: product, bias, BatchNorm and activation of a few features at a time, while they are in the cache.
#pragma once

#include "product_tiles.h"

namespace {

inline Vector activate(const Layer& layer, Vector x) {
    switch (layer.activation) {
        case LEAKY_RELU: return x > 0.0f ? x : x * layer.slope;
        case TANH: return tanh(x);
        case SIGMOID: return sigmoid(x);
        default: return x;
    }
}

// Lanes from `count` on set to zero.
inline Vector masked(Vector y, long count) {
    for (long v = count < 0 ? 0 : count; v < V; v++) y[v] = 0;
    return y;
}

// Sum of f(column) over the vectors of a row.
template <class Function>
inline float sum_columns(long columns, const Function& f) {
    Vector sum{};
    for (long c = 0; c < columns; c += V) sum += f(c);
    return total(sum);
}

// BatchNorm of one feature in training mode, in place.
inline void normalize(const Layer& layer, long feature, float* row, long images, long columns) {
    const float mean = sum_columns(columns, [&](long c) { return masked(vector_at(row + c), images - c); }) / images;
    const float variance = sum_columns(columns, [&](long c) {
        const Vector centered = masked(vector_at(row + c) - mean, images - c);
        return centered * centered;
    }) / images;
    const float inverse_std = 1 / __builtin_sqrtf(variance + layer.eps);
    float* normalized = layer.normalized + feature * columns;
    for (long c = 0; c < columns; c += V) {
        const Vector value = masked((vector_at(row + c) - mean) * inverse_std, images - c);
        vector_at(normalized + c) = value;
        vector_at(row + c) = value * layer.scale[feature] + layer.shift[feature];
    }
    layer.inverse_std[feature] = inverse_std;
    float &running_mean = layer.running_mean[feature], &running_var = layer.running_var[feature];
    running_mean += layer.momentum * (mean - running_mean);
    running_var += layer.momentum * (variance * images / (images - 1) - running_var);
}

// Bias, BatchNorm and activation of one feature.
inline void finish_feature(const Layer& layer, long feature, long images, long columns) {
    float* row = layer.values + feature * layer.stride;
    for (long c = 0; c < columns; c += V) vector_at(row + c) += layer.bias[feature];
    if (layer.scale) normalize(layer, feature, row, images, columns);
    if (layer.activation != IDENTITY)
        for (long c = 0; c < columns; c += V) vector_at(row + c) = activate(layer, vector_at(row + c));
}

// Values of some features of a layer. `images`: those that are no padding, of a layer with BatchNorm.
void forward_layer(const Network& network, const Layer& layer, Range features, long images) {
    const long columns = network.columns;
    const Columns inputs =
        feature_columns<0>(network.inputs_of(layer), network.stride_of_inputs(layer), layer.inputs, columns);
    Vector tile[TILE];
    for_parts(TILE_ROWS, features.size(), [&](long start, long rows) {
        const long first = features.first + start;
        const Factors weights = row_factors<1>(layer.weight + first * layer.inputs, rows, layer.inputs);
        for_parts(TILE_VECTORS, columns / V, [&](long n, long vectors) {
            const Columns part{inputs.first + n * V, inputs.depth_stride, 0};
            multiply(rows, vectors, weights, part, words(layer.inputs), tile);
            for (long i = 0; i < rows * vectors; i++)
                vector_at(layer.values + (first + i / vectors) * layer.stride + (n + i % vectors) * V) = tile[i];
        });
        for (long r = 0; r < rows; r++) finish_feature(layer, first + r, images, columns);
    });
}

// Images in rows [images, features] to columns [features, stride], for some vectors of images.
inline void transpose_images(const float* from, long images, long features, float* to, long stride, Range vectors) {
    for (long n = vectors.first; n < vectors.last; n++)
        transpose_rows(from + n * V * features, features, minimum(V, images - n * V), features, to + n * V, stride);
}

}  // namespace
