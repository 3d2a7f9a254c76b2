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

// Call body(run, part) in every thread for each run that it works on; all threads work on equally many.
template <class Body>
static void for_runs(const SequenceArgs* runs, long count, const Plan& plan, const Body& body) {
#pragma omp parallel num_threads(plan.all_threads())
    {
        const Plan actual = plan.with(omp_get_num_threads());
        for (long run = omp_get_thread_num() / actual.threads; run < count; run += actual.teams)
            body(run, Part(runs[run], actual));
    }
}

// `count` independent runs of equal sizes: the directions of a layer.
extern "C" void cell_forward(const SequenceArgs* sequences, long count) {
    const Plan plan(*sequences, count);
    const long packed_size = panels(*sequences) * panel_size(*sequences);
    float* packed = scratch<0>(count * packed_size);
    SequenceArgs runs[MAX_RUNS];
    for (long run = 0; run < count; run++) {
        SequenceArgs& s = runs[run] = sequences[run];
        if (s.gate_inputs) continue;
        const long rows = s.slots * s.B, size = rows * (s.KP + (STATES - 1) * s.HP);
        s.gate_inputs = scratch<4>(count * size) + run * size;
        s.other_states = s.gate_inputs + rows * s.KP;
    }
    for_runs(runs, count, plan, [&](long run, const Part& part) {
        const SequenceArgs& s = runs[run];
        float* weights = packed + run * packed_size;
        pack_forward(s, weights, divide(panels(s), part.thread, part.threads));
#pragma omp barrier
        run_forward(s, weights, part);
    });
}

// Where the backward pass of one run has its memory.
struct BackwardMemory {
    float *packed_forward, *packed_hidden, *packed_inputs;
    float *shared;  // by the threads of the run, or null
    float *d_weights[MAX_THREADS], *d_extras[MAX_THREADS];
};

// Backward pass of one run, the part of one thread. All threads of all runs meet at its barriers.
static void run_backward(const SequenceArgs& s, const GradientArgs& d, const Part& part, BackwardMemory& run) {
    const Range to_pack = divide(words(width(s)), part.thread, part.threads);
    if (run.packed_forward) pack_forward(s, run.packed_forward, divide(panels(s), part.thread, part.threads));
    pack_backward(s, s.weight_hh, s.H, run.packed_hidden, to_pack);
    if (d.d_inputs) pack_backward(s, s.weight_ih, s.I, run.packed_inputs, to_pack);

    float* memory = run.shared ? run.shared : scratch<3>(BackwardPass::floats(s, part.sequences.size()));
    BackwardPass backward(s, d, {run.packed_forward, run.packed_hidden, run.packed_inputs}, part, memory);
    run.d_weights[part.thread] = backward.d_weights, run.d_extras[part.thread] = backward.d_extras;
#pragma omp barrier
    backward.run();
#pragma omp barrier
    const long partial = run.shared ? 1 : part.threads;
    if (partial > 1) sum_weight_gradients(s, d, run.d_weights, part);
    for (long k = 0; part.thread == 0 && k < EXTRAS * s.HP; k++) {
        float sum = 0;
        for (long other = 0; other < partial; other++) sum += run.d_extras[other][k];
        if (k % s.HP < s.H) d.d_extra_weights[k / s.HP * s.H + k % s.HP] = sum;
    }
#pragma omp barrier
}

// `count` independent runs of equal sizes, whose gradients of the inputs are summed.
extern "C" void cell_backward(const SequenceArgs* sequences, const GradientArgs* gradients, long count) {
    const Plan plan(*sequences, count);
    SequenceArgs runs[MAX_RUNS];
    GradientArgs d_runs[MAX_RUNS];
    BackwardMemory memory[MAX_RUNS];
    for (long run = 0; run < count; run++) {
        SequenceArgs& s = runs[run] = sequences[run];
        GradientArgs& d = d_runs[run] = gradients[run];
        if (d.recompute) s.saved_values = nullptr;
        const long input_width = (s.I + V - 1) / V * V;
        const long forward_size = s.saved_values ? 0 : panels(s) * panel_size(s);
        const long shared_size = plan.by_units ? BackwardPass::floats(s, s.B) : 0;
        const long backward_size = words(width(s)) * (s.HP + input_width);
        float* weights = scratch<1>(count * (forward_size + backward_size)) + run * (forward_size + backward_size);
        memory[run].packed_hidden = weights;
        memory[run].packed_inputs = weights + words(width(s)) * s.HP;
        memory[run].packed_forward = forward_size ? weights + backward_size : nullptr;
        memory[run].shared = shared_size ? scratch<2>(count * shared_size) + run * shared_size : nullptr;
    }
    // Runs at the same time cannot add to the same gradient of the inputs: all but the first keep one of their own.
    const long all_inputs = sequences->T * sequences->B * sequences->I;
    float* separate = plan.teams > 1 && gradients->d_inputs ? scratch<9>((count - 1) * all_inputs) : nullptr;
    for (long run = 1; separate && run < count; run++) {
        GradientArgs& d = d_runs[run];
        d.d_inputs = separate + (run - 1) * all_inputs, d.adds_to_inputs = 0;
        d.d_inputs_stride_t = runs[run].B * runs[run].I, d.d_inputs_stride_b = runs[run].I;
    }
    for_runs(runs, count, plan, [&](long run, const Part& part) {
        run_backward(runs[run], d_runs[run], part, memory[run]);
    });
    for (long run = 1; separate && run < count; run++)
#pragma omp parallel for num_threads(plan.all_threads())
        for (long t = 0; t < runs->T; t++) add_inputs(runs[run], d_runs[run], gradients[run], t);
}

extern "C" long floats_per_vector() { return V; }
extern "C" long saved_floats_per_unit() { return SAVED; }
