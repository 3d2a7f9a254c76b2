// A pointwise cell over a whole sequence, forward and backward, in float32 on a CPU; `step.h` is generated from the
// cell.
//
// The batch is divided among the threads once, for all steps: sequences are independent, so no step waits for another
// thread, and the operands of a step stay in its core's cache.
//
//     T  steps    B  sequences    H  hidden units (HP: padded to whole vectors)    I  inputs    V  floats in a vector
//
// A row of `gate_inputs` is the input of all gates of a sequence at a step, [h(t-1) | x(t) | 1 | padding], so that
// recurrent product, input product and bias are one product. Gates are interleaved: V units of the first gate, of the
// second, ..., then the next V units. A tile of the product therefore holds all gates of its units, and the step is
// computed while they are in registers.

#include <omp.h>

#include "backward.h"

namespace {

// Part of `count` items that one thread works on.
struct Range {
    long first, last;
    Range(long count, long thread, long threads)
        : first(count * thread / threads), last(count * (thread + 1) / threads) {}
};

}  // namespace

extern "C" void cell_forward(const SequenceArgs* sequence) {
    const SequenceArgs s = *sequence;
    const long panels = s.HP / V;
    float* packed = scratch<0>(panels * depth(s) * TILE);
#pragma omp parallel num_threads(s.threads)
    {
        const long thread = omp_get_thread_num(), threads = omp_get_num_threads();
        const Range sequences(s.B, thread, threads), to_pack(panels, thread, threads);
        pack_forward(s, packed, to_pack.first, to_pack.last);
#pragma omp barrier
        for (long t = 0; t < s.T; t++) {
            write_inputs(s, t, sequences.first, sequences.last);
            for (long j = 0; j < panels; j++)
                for_even_blocks<ROWS>(sequences.first, sequences.last,
                                      [&](auto rows, long b) { forward_step<rows>(s, packed, t, b, j); });
        }
    }
}

extern "C" void cell_backward(const SequenceArgs* sequence, const GradientArgs* gradients) {
    const SequenceArgs s = *sequence;
    const GradientArgs d = *gradients;
    const long panels = s.HP / V;
    float* packed_forward = s.saved_values ? nullptr : scratch<0>(panels * depth(s) * TILE);
    float* packed_backward = scratch<1>(width(s) * s.HP);
    float *d_weights[MAX_THREADS], *d_extras[MAX_THREADS];
#pragma omp parallel num_threads(s.threads)
    {
        const long thread = omp_get_thread_num(), threads = omp_get_num_threads();
        const Range sequences(s.B, thread, threads), to_pack(panels, thread, threads);
        const Range weight_rows(width(s), thread, threads);
        if (packed_forward) pack_forward(s, packed_forward, to_pack.first, to_pack.last);
        pack_backward(s, packed_backward, weight_rows.first, weight_rows.last);

        BackwardPass backward(s, d, packed_forward, packed_backward, sequences.first, sequences.last);
        d_weights[thread] = backward.d_weights, d_extras[thread] = backward.d_extras;
#pragma omp barrier
        backward.run();
#pragma omp barrier
        unpack_gradients(s, d, d_weights, threads, weight_rows.first, weight_rows.last);
#pragma omp single
        for (long k = 0; k < EXTRAS * s.HP; k++) {
            d.d_extra_weights[k] = 0;
            for (long other = 0; other < threads; other++) d.d_extra_weights[k] += d_extras[other][k];
        }
    }
}

extern "C" long floats_per_vector() { return V; }
extern "C" long saved_floats_per_unit() { return SAVED; }
