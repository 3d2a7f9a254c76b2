// Division of the work among threads: by sequences where each thread gets enough of them, else by units.
#pragma once

#include <omp.h>

#include "arguments.h"
#include "ranges.h"

namespace {

// How the threads divide the work. Sequences are independent: threads that divide them never wait, but every thread
// reads all weights, and a tile of few sequences does little with each weight it reads. Threads that divide the units
// wait for each other at every step. Small work is not worth starting threads for.
struct Plan {
    static constexpr long MIN_SEQUENCES = 8;     // of a thread, before the units are divided instead
    static constexpr long MIN_STEP = 1500;       // products of vectors of a thread in a step that are worth a wait
    static constexpr long MIN_WORK = 20000;      // in all steps, worth starting a thread
    long threads;
    bool by_units;

    explicit Plan(const SequenceArgs& s) {
        const long step = s.B * panels(s) * depth(s) * GATES;
        threads = s.threads < step * s.T / MIN_WORK ? s.threads : step * s.T / MIN_WORK;
        threads = threads < 1 ? 1 : threads;
        const long most = panels(s) < step / MIN_STEP ? panels(s) : step / MIN_STEP;
        const long unit_threads = most < threads ? most : threads, sequence_threads = s.B < threads ? s.B : threads;
        by_units = s.B < MIN_SEQUENCES * threads && unit_threads > 1 && unit_threads >= sequence_threads;
        threads = by_units ? unit_threads : sequence_threads;
    }
};

// What one thread works on.
struct Part {
    long thread, threads;
    bool by_units;
    Range sequences, panels;
    Range inputs;  // sequences whose inputs it copies

    Part(const SequenceArgs& s, const Plan& plan)
        : thread(omp_get_thread_num()), threads(omp_get_num_threads()), by_units(plan.by_units && threads > 1) {
        inputs = divide(s.B, thread, threads);
        sequences = by_units ? Range{0, s.B} : inputs;
        panels = by_units ? divide(::panels(s), thread, threads) : Range{0, ::panels(s)};
    }

    void wait() const {
        if (!by_units) return;
#pragma omp barrier
    }
};

}  // namespace
