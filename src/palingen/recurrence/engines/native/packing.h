// Memory layouts: weights to panels for the two products, and the summed weight gradients back to rows.
#pragma once

#include <cstdlib>
#include <cstring>

#include "arguments.h"

namespace {

// Memory of this thread that grows and is never freed: fresh pages cost more than the arithmetic on them.
template <int PURPOSE>
float* scratch(long floats) {
    static thread_local float* memory = nullptr;
    static thread_local long size = 0;
    if (size < floats) {
        std::free(memory);
        size = (floats + 1023) / 1024 * 1024;
        memory = static_cast<float*>(std::aligned_alloc(4096, size * sizeof(float)));
    }
    return memory;
}

// Forward weights [GATES H, .] to panels first to last: panel j, column k of `gate_inputs`, gate, unit in the panel.
void pack_forward(const SequenceArgs& s, float* packed, long first, long last) {
    for (long j = first; j < last; j++)
        for (long gate = 0; gate < GATES; gate++)
            for (long v = 0; v < V; v++) {
                const long unit = j * V + v, row = gate * s.H + unit;
                float* to = packed + j * depth(s) * TILE + gate * V + v;
                if (unit >= s.H) {
                    for (long k = 0; k < depth(s); k++) to[k * TILE] = 0;
                    continue;
                }
                for (long k = 0; k < s.H; k++) to[k * TILE] = s.weight_hh[row * s.H + k];
                for (long k = s.H; k < s.HP; k++) to[k * TILE] = 0;
                for (long k = 0; k < s.I; k++) to[(s.HP + k) * TILE] = s.weight_ih[row * s.I + k];
                to[(s.HP + s.I) * TILE] = s.bias[row];
            }
}

// Rows first to last of weight_hh to panels of at most 4 vectors of units: panel, row of interleaved gates, unit.
void pack_backward(const SequenceArgs& s, float* packed, long first, long last) {
    const long vectors = s.HP / V;
    for (long row = first; row < last; row++) {
        const long unit = row / TILE * V + row % V, gate = row % TILE / V;
        const float* from = s.weight_hh + (gate * s.H + unit) * s.H;
        for (long n = 0; n < vectors; n += BACK_VECTORS) {
            const long panel = (vectors - n < BACK_VECTORS ? vectors - n : BACK_VECTORS) * V;
            float* to = packed + n * V * width(s) + row * panel;
            for (long k = 0; k < panel; k++) to[k] = unit < s.H && n * V + k < s.H ? from[n * V + k] : 0;
        }
    }
}

// Rows first to last of the weight gradients: summed over the threads, from interleaved gates to stacked ones.
void unpack_gradients(const SequenceArgs& s, const GradientArgs& d, float* const* partial, long threads, long first,
                      long last) {
    for (long row = first; row < last; row++) {
        const long unit = row / TILE * V + row % V, to = row % TILE / V * s.H + unit;
        if (unit >= s.H) continue;
        float* sum = partial[0] + row * s.KP;
        for (long thread = 1; thread < threads; thread++)
            for (long k = 0; k < s.KP; k++) sum[k] += partial[thread][row * s.KP + k];
        std::memcpy(d.d_weight_hh + to * s.H, sum, s.H * sizeof(float));
        std::memcpy(d.d_weight_ih + to * s.I, sum + s.HP, s.I * sizeof(float));
        d.d_bias[to] = sum[s.HP + s.I];
    }
}

}  // namespace
