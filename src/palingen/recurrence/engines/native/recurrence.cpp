// A pointwise cell over a whole sequence, forward and backward, on a CPU in float32; `step.h` is generated from the
// cell. The products may be of bfloat16 numbers (`product.h`).
//
//     T  steps    B  sequences    H  hidden units (HP: padded to whole vectors)    I  inputs    V  floats in a vector
//
// A row of `gate_inputs` is the input of all gates of a sequence at a step, [h(t-1) | x(t) | 1 | padding], so that
// recurrent product, input product and bias are one product. Gates are interleaved: V units of the first gate, of the
// second, ..., then the next V units. A panel are the gates of V units; a tile of the product therefore holds all gates
// of its units, and the step is computed while they are in registers.
//
//     partition.h         division of the work among threads
//     packing.h           weights in the layouts of the products
//     forward.h           steps of the cell
//     backward.h          their gradients
//     operand_gradients.h products backwards through the weights
//     weight_gradients.h  products of several steps at once

#include "backward.h"

extern "C" void cell_forward(const SequenceArgs* sequence) {
    SequenceArgs s = *sequence;
    const Plan plan(s);
    float* packed = scratch<0>(panels(s) * panel_size(s));
    if (!s.gate_inputs) {
        s.gate_inputs = scratch<4>(s.slots * s.B * (s.KP + (STATES - 1) * s.HP));
        s.other_states = s.gate_inputs + s.slots * s.B * s.KP;
    }
#pragma omp parallel num_threads(plan.threads)
    {
        const Part part(s, plan);
        pack_forward(s, packed, divide(panels(s), part.thread, part.threads));
#pragma omp barrier
        run_forward(s, packed, part);
    }
}

extern "C" void cell_backward(const SequenceArgs* sequence, const GradientArgs* gradients) {
    const SequenceArgs s = *sequence;
    const GradientArgs d = *gradients;
    const Plan plan(s);
    const long input_vectors = (s.I + V - 1) / V;
    float* packed_forward = s.saved_values ? nullptr : scratch<0>(panels(s) * panel_size(s));
    float* packed_hidden = scratch<1>(words(width(s)) * (s.HP + input_vectors * V));
    float* packed_inputs = packed_hidden + words(width(s)) * s.HP;
    float* shared = plan.by_units ? scratch<2>(BackwardPass::floats(s, s.B)) : nullptr;
    float *d_weights[MAX_THREADS], *d_extras[MAX_THREADS];
#pragma omp parallel num_threads(plan.threads)
    {
        const Part part(s, plan);
        const Range rows = divide(width(s), part.thread, part.threads);
        const Range to_pack = divide(words(width(s)), part.thread, part.threads);
        if (packed_forward) pack_forward(s, packed_forward, divide(panels(s), part.thread, part.threads));
        pack_backward(s, s.weight_hh, s.H, packed_hidden, to_pack);
        if (d.d_inputs) pack_backward(s, s.weight_ih, s.I, packed_inputs, to_pack);

        float* memory = shared ? shared : scratch<3>(BackwardPass::floats(s, part.sequences.size()));
        BackwardPass backward(s, d, {packed_forward, packed_hidden, packed_inputs}, part, memory);
        d_weights[part.thread] = backward.d_weights, d_extras[part.thread] = backward.d_extras;
#pragma omp barrier
        backward.run();
#pragma omp barrier
        const long partial = shared ? 1 : part.threads;
        if (partial > 1) sum_weight_gradients(s, d, d_weights, partial, rows);
#pragma omp single
        for (long k = 0; k < EXTRAS * s.HP; k++) {
            d.d_extra_weights[k] = 0;
            for (long other = 0; other < partial; other++) d.d_extra_weights[k] += d_extras[other][k];
        }
    }
}

extern "C" long floats_per_vector() { return V; }
extern "C" long saved_floats_per_unit() { return SAVED; }
