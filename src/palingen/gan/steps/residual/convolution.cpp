// Convolutions in bfloat16 with sums in float32, channels last, for CPUs with AVX512-BF16. Channels are multiples of 16.
#include "pooling.h"
#include "unfold.h"
#include "weight_gradient.h"

namespace {

// Weights [out, taps, in] to [blocks of out][taps][in / 2][channels of the block][2].
void pack_forward(const Geometry& g, const bfloat16* weights, Pair* packed) {
    const long row_length = g.taps() * g.in.channels / 2;
    const Pair* rows = (const Pair*)weights;
    for (long first = 0; first < g.out.channels; first += TILE_VECTORS * LANES)
        for (long column = 0; column < row_length; column++)
            for (long out = first; out < std::min(first + TILE_VECTORS * LANES, g.out.channels); out++)
                *packed++ = rows[out * row_length + column];
}

// Weights [out, taps, in] to [blocks of in][taps][out / 2][channels of the block][2].
void pack_backward(const Geometry& g, const bfloat16* weights, Pair* packed) {
    const long row_length = g.taps() * g.in.channels;
    for (long first = 0; first < g.in.channels; first += TILE_VECTORS * LANES)
        for (long tap = 0; tap < g.taps(); tap++)
            for (long out = 0; out < g.out.channels; out += 2)
                for (long in = first; in < std::min(first + TILE_VECTORS * LANES, g.in.channels); in += LANES) {
                    const bfloat16* at = weights + out * row_length + tap * g.in.channels + in;
                    _mm512_storeu_si512(packed, interleave(load_half(at), load_half(at + row_length)));
                    packed += LANES;
                }
}

}  // namespace

extern "C" {

// Output of a convolution, or (is_backward) its input gradient, which is a transposed convolution of its output gradient.
void convolve(const Geometry* g, const bfloat16* input, const bfloat16* weights, const Epilogue* epilogue, void* output,
              bool is_backward, bool is_float) {
    const Plane from = is_backward ? g->out : g->in, to = is_backward ? g->in : g->out;
    Sources sources(to.pixels());
    visit_taps(*g, [&](long in, long out, long tap) {
        if (is_backward) sources[in].push_back({out, tap});
        else sources[out].push_back({in, tap});
    });
    static thread_local std::vector<bfloat16> packed;
    packed.resize(g->taps() * from.channels * to.channels);
    (is_backward ? pack_backward : pack_forward)(*g, weights, (Pair*)packed.data());
    gather({from, to, g->images, g->taps(), input, packed.data(), *epilogue, output, is_float, sources});
}

// Weight gradient sum_i d_i (c_i a_i + t_i)^T of output gradients d, inputs a, tangents t (null: 0), coefficients c
// (null: 1), added to `weights` [out, taps, in].
void add_weight_gradient(const Geometry* g, const bfloat16* input, const bfloat16* tangent, const float* coefficients,
                         const bfloat16* grad_output, float* weights) {
    add_products(*g, {input, tangent, grad_output, coefficients}, weights);
}

// Sums over images and pixels, each image times its coefficient (null: 1).
void sum_channels(long images, long pixels, long channels, const bfloat16* numbers, const float* coefficients,
                  float* sums) {
    add_channels(images, {1, pixels, channels}, numbers, coefficients, sums);
}

void unfold_images(const Geometry* g, const float* images, bfloat16* columns) { unfold(*g, images, columns); }

void fold_images(const Geometry* g, const float* columns, const float* bias, float* images) {
    fold(*g, columns, bias, images);
}

void activate_and_pool(long images, const Plane* plane, const bfloat16* input, const bfloat16* reference, float slope,
                       bfloat16* activated, bfloat16* pooled) {
    activate_and_pool(images, *plane, input, reference, slope, activated, pooled);
}

void add_pool_gradient(long images, const Plane* plane, const bfloat16* grad_pooled, bfloat16* gradient) {
    add_pool_gradient(images, *plane, grad_pooled, gradient);
}
}
