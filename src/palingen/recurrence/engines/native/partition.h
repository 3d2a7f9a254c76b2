// Division of the work among threads: by runs, by sequences where each thread gets enough of them, else by units.
#pragma once

#include <omp.h>

#include "arguments.h"
#include "ranges.h"

namespace {

// How the threads divide the work. Runs, the directions of a layer, have equal sizes and are independent, and so are
// sequences: threads that divide the sequences never wait, but every thread reads all weights, and a tile of few
// sequences does little with each weight it reads, too little where no core's own cache holds them all. Threads that
// divide the units wait for each other at every step. Small work is not worth starting threads for.
struct Plan {
    static constexpr long MIN_SEQUENCES = 8;     // of a thread, before the units are divided instead
    static constexpr long MANY_SEQUENCES = 16;   // likewise, for many weights
    static constexpr long MANY_FLOATS = 1 << 17; // of weights: 512 KiB are half of a core's own cache
    static constexpr long MIN_STEP = 1500;       // products of vectors of a thread in a step that are worth a wait
    static constexpr long MIN_WORK = 20000;      // in all steps, worth starting a thread
    long teams;    // runs at the same time
    long threads;  // of each run
    bool by_units;

    Plan(const SequenceArgs& s, long runs) {
        const long step = s.B * panels(s) * depth(s) * GATES, work = step * s.T / MIN_WORK;
        teams = runs > 1 && s.threads >= runs && work ? runs : 1;
        threads = s.threads / teams < work ? s.threads / teams : work;
        threads = threads < 1 ? 1 : threads;
        const long most = panels(s) < step / MIN_STEP ? panels(s) : step / MIN_STEP;
        const long unit_threads = most < threads ? most : threads, sequence_threads = s.B < threads ? s.B : threads;
        const long many = s.slots == 2 ? MANY_FLOATS / 4 : MANY_FLOATS;  // without gradients a step has less to wait for
        const long enough = panels(s) * panel_size(s) < many ? MIN_SEQUENCES : MANY_SEQUENCES;
        by_units = s.B < enough * threads && unit_threads > 1 && unit_threads >= sequence_threads;
        threads = by_units ? unit_threads : sequence_threads;
    }

    long all_threads() const { return teams * threads; }

    // The plan for the threads that there are, perhaps fewer than asked for.
    Plan with(long available) const {
        Plan plan = *this;
        if (available < all_threads()) plan.teams = 1, plan.threads = available, plan.by_units = by_units && available > 1;
        return plan;
    }
};

// What one thread works on.
struct Part {
    long thread, threads;  // of the run
    bool by_units;
    Range sequences, panels;
    Range inputs;  // sequences whose inputs it copies

    Part(const SequenceArgs& s, const Plan& plan)
        : thread(omp_get_thread_num() % plan.threads), threads(plan.threads), by_units(plan.by_units) {
        inputs = divide(s.B, thread, threads);
        sequences = by_units ? Range{0, s.B} : inputs;
        panels = by_units ? divide(::panels(s), thread, threads) : Range{0, ::panels(s)};
    }

    // Wait for the other threads, of all runs: they have equally many steps.
    void wait() const {
        if (!by_units) return;
#pragma omp barrier
    }
};

}  // namespace
