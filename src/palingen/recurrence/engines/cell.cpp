// Any pointwise cell over a whole sequence, forward and backward, in float32 on a processor. `step.h` is the cell.
//
// The batch is parted among the threads once, for all steps: sequences never meet, so no step waits for another
// thread, and what a step reads stays in its core's cache.
//
//     T  steps    B  sequences    H  hidden units (HP: padded to whole vectors)    I  inputs    V  floats in a vector
//
// A row of `reads` is all that a sequence's gates see at a step, [h(t-1) | x(t) | 1 | padding], so that past, input and
// bias are one product. Gates lie interleaved: V units of the first gate, of the second, ..., then the next V units. A
// tile of the product so holds all gates of its units, and the step is taken while they are in registers.

#include <cstdlib>
#include <cstring>
#include <omp.h>
#include <utility>

#include "vectors.h"
#include "step.h"

namespace {

constexpr long PARTS = ADDS ? 1 : 2;      // what the step sees: one sum, or x_part and h_part apart
constexpr long TILE = GATES * V;          // floats of all gates of a vector of units
constexpr long OTHERS = STATES - 1;       // parts of the state beside h
constexpr long MOST_THREADS = 256, MOST_STATES = 4;
constexpr long SUMS = REGISTERS * 3 / 4;  // vectors of a tile that stay in registers, beside what they are made of
constexpr long ROWS = SUMS / GATES < 1 ? 1 : SUMS / GATES > 8 ? 8 : SUMS / GATES;
constexpr long BACK_VECTORS = 4, BACK_ROWS = SUMS / BACK_VECTORS;
constexpr long WEIGHT_VECTORS = 3, WEIGHT_ROWS = SUMS / WEIGHT_VECTORS / 4 * 4;

// Memory of this thread that grows and is never given back: fresh pages cost more than the arithmetic on them.
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

}  // namespace

extern "C" {

struct Sequence {
    long T, B, H, I, HP, KP;     // KP: floats in a row of `reads`
    const float *hidden_weight;  // [GATES H, H]
    const float *input_weight;   // [GATES H, I]
    const float *bias;           // [GATES H]
    const float *extras;         // [EXTRAS, HP]
    const float *inputs;         // [T, B, I] with these strides
    long input_step, input_row, input_stride;
    float *reads;                // [T + 1, B, KP]; h(-1) is there, h(t) is written into row t + 1
    float *others;               // [OTHERS, T + 1, B, HP]; likewise the other parts of the state
    float *saved;                // [T, B, HP / V, SAVED, V], or null: not kept
    const float *keep;           // [T + 1, B]; 0 forgets the state before step t. Null: nothing is forgotten
    float *hidden;               // [T, B, HP] h(t) before anything is forgotten; with `keep` only
    long from_rest;              // h(-1) is zero and needs no product
    long threads;
};

struct Gradients {
    const float *every[MOST_STATES];  // of each part of the state at every step, [T, B, H] with these strides, or null
    long every_step[MOST_STATES], every_row[MOST_STATES];
    const float *last[MOST_STATES];   // of the last state, [B, H], or null
    float *hidden_weight, *input_weight, *bias;  // as the weights
    float *extras;               // [EXTRAS, HP]
    float *first[MOST_STATES];   // [B, HP] of the first state, or null: not wanted
    float *x_parts;              // [T, B, GATES HP] interleaved, or null: not wanted
};

}

namespace {

long depth(const Sequence& s) { return s.HP + s.I + 1; }
long width(const Sequence& s) { return GATES * s.HP; }
float* other(const Sequence& s, long part, long t, long b) {
    return s.others + (((part - 1) * (s.T + 1) + t) * s.B + b) * s.HP;
}

// [GATES H, .] weights to panels: panel j, column k of `reads`, gate, unit within the panel.
void pack_forward(const Sequence& s, float* packed, long first, long last) {
    for (long j = first; j < last; j++)
        for (long gate = 0; gate < GATES; gate++)
            for (long v = 0; v < V; v++) {
                const long unit = j * V + v, row = gate * s.H + unit;
                float* to = packed + j * depth(s) * TILE + gate * V + v;
                if (unit >= s.H) {
                    for (long k = 0; k < depth(s); k++) to[k * TILE] = 0;
                    continue;
                }
                for (long k = 0; k < s.H; k++) to[k * TILE] = s.hidden_weight[row * s.H + k];
                for (long k = s.H; k < s.HP; k++) to[k * TILE] = 0;
                for (long k = 0; k < s.I; k++) to[(s.HP + k) * TILE] = s.input_weight[row * s.I + k];
                to[(s.HP + s.I) * TILE] = s.bias[row];
            }
}

// [GATES H, H] to panels of at most 4 vectors of units: panel, row of interleaved gates, unit.
void pack_backward(const Sequence& s, float* packed, long first, long last) {
    const long vectors = s.HP / V;
    for (long row = first; row < last; row++) {
        const long unit = row / TILE * V + row % V, gate = row % TILE / V;
        const float* from = s.hidden_weight + (gate * s.H + unit) * s.H;
        for (long n = 0; n < vectors; n += BACK_VECTORS) {
            const long panel = (vectors - n < BACK_VECTORS ? vectors - n : BACK_VECTORS) * V;
            float* to = packed + n * V * width(s) + row * panel;
            for (long k = 0; k < panel; k++) to[k] = unit < s.H && n * V + k < s.H ? from[n * V + k] : 0;
        }
    }
}

// x(t) and 1 into `reads`, for sequences first to last.
void read(const Sequence& s, long t, long first, long last) {
    for (long b = first; b < last; b++) {
        const float* from = s.inputs + t * s.input_step + b * s.input_row;
        float* to = s.reads + (t * s.B + b) * s.KP + s.HP;
        for (long k = 0; k < s.I; k++) to[k] = from[k * s.input_stride];
        to[s.I] = 1;
    }
}

// Units that only pad are zero, whatever the cell makes of nothing: some make no number of it.
inline Vector without_padding(const Sequence& s, long j, Vector units) {
    for (long v = s.H - j * V; v < V; v++) units[v < 0 ? 0 : v] = 0;
    return units;
}

// The steps of R sequences from b on, for the units of panel j: the next state into `next`, what is kept into `saved`.
template <long R>
inline void take_step(const Sequence& s, const float* packed, long t, long b, long j, Vector (&next)[R][STATES],
                      Vector (&saved)[R][SAVED]) {
    const long skipped = t == 0 && s.from_rest ? s.HP : 0;
    const float *row = s.reads + (t * s.B + b) * s.KP, *panel = packed + j * depth(s) * TILE;
    Vector sums[PARTS][R][GATES] = {};
    if (ADDS) {
        multiply(sums[0], row + skipped, s.KP, 1, panel + skipped * TILE, TILE, depth(s) - skipped);
    } else {
        multiply(sums[0], row + s.HP, s.KP, 1, panel + s.HP * TILE, TILE, depth(s) - s.HP);
        if (!skipped) multiply(sums[PARTS - 1], row, s.KP, 1, panel, TILE, s.HP);
    }
    Vector extras[EXTRAS + 1];
    for (long e = 0; e < EXTRAS; e++) extras[e] = at(s.extras + e * s.HP + j * V);
    for (long r = 0; r < R; r++) {
        Vector state[STATES];
        state[0] = CARRIES_HIDDEN ? at(row + r * s.KP + j * V) : Vector{};
        for (long part = 1; part < STATES; part++) {
            state[part] = at(other(s, part, t, b + r) + j * V);
            if (s.keep) state[part] *= s.keep[t * s.B + b + r];
        }
        cell_step(sums[0][r], sums[PARTS - 1][r], state, extras, next[r], saved[r]);
    }
}

template <long R>
inline void store(const Sequence& s, long place, long j, const Vector (&saved)[R][SAVED], float* to) {
    for (long r = 0; r < R; r++)
        for (long k = 0; k < SAVED; k++) at(to + ((place + r) * (s.HP / V) + j) * SAVED * V + k * V) = saved[r][k];
}

template <long R>
inline void step(const Sequence& s, const float* packed, long t, long b, long j) {
    Vector next[R][STATES], saved[R][SAVED];
    take_step(s, packed, t, b, j, next, saved);
    const bool padded = (j + 1) * V > s.H;
    for (long r = 0; r < R; r++) {
        const long now = t * s.B + b + r;
        const Vector h = padded ? without_padding(s, j, next[r][0]) : next[r][0];
        at(s.reads + (now + s.B) * s.KP + j * V) = s.keep ? h * s.keep[now + s.B] : h;
        if (s.keep) at(s.hidden + now * s.HP + j * V) = h;
        for (long part = 1; part < STATES; part++)
            at(other(s, part, t + 1, b + r) + j * V) = padded ? without_padding(s, j, next[r][part]) : next[r][part];
    }
    if (s.saved) store(s, t * s.B + b, j, saved, s.saved);
}

}  // namespace

extern "C" void cell_forward(const Sequence* sequence) {
    const Sequence s = *sequence;
    const long panels = s.HP / V;
    float* packed = scratch<0>(panels * depth(s) * TILE);
#pragma omp parallel num_threads(s.threads)
    {
        const long thread = omp_get_thread_num(), threads = omp_get_num_threads();
        pack_forward(s, packed, panels * thread / threads, panels * (thread + 1) / threads);
#pragma omp barrier
        const long first = s.B * thread / threads, last = s.B * (thread + 1) / threads;
        for (long t = 0; t < s.T; t++) {
            read(s, t, first, last);
            for (long j = 0; j < panels; j++)
                cover_evenly<ROWS>(first, last, [&](auto rows, long b) { step<rows>(s, packed, t, b, j); });
        }
    }
}

namespace {

// A thread's share of the backward pass.
struct Backward {
    const Sequence& s;
    const Gradients& d;
    const float *forward, *backward;  // packed weights; `forward` where nothing was kept
    long first, last;                 // its sequences
    float *after, *now;  // [PARTS, sequences, GATES HP] gradients of the parts that the step sees, at t + 1 and at t
    float *carried;      // [STATES, sequences, HP] dL/d(state after step t), but for what comes through the product
    float *saved;        // [sequences, HP / V, SAVED, V] of step t, where nothing was kept
    float *weights;      // [GATES HP, KP] dL/d(weights), summed over its sequences
    float *extras;       // [EXTRAS, HP], likewise

    long rows() const { return last - first; }
    float* hidden_side(float* parts) const { return parts + (PARTS - 1) * rows() * width(s); }

    // dL/dh(t) through the product of step t + 1, for R sequences and N vectors of units from n on.
    template <long R, long N>
    void through_product(long b, long n, Vector (&sums)[R][N]) const {
        const long panel = n / BACK_VECTORS * BACK_VECTORS, left = s.HP / V - panel;
        const long columns = (left < BACK_VECTORS ? left : BACK_VECTORS) * V;
        multiply(sums, hidden_side(after) + (b - first) * width(s), width(s), 1,
                 backward + panel * V * width(s) + (n - panel) * V, columns, width(s));
    }

    template <long R, long N>
    void step(long t, long b, long n) const {
        Vector hidden[R][N] = {};
        if (t < s.T - 1) through_product(b, n, hidden);
        for (long r = 0; r < R; r++)
            for (long m = n; m < n + N; m++) unit(t, b + r, m, hidden[r][m - n]);
    }

    // The gradient of one sequence's step for the m-th vector of units.
    void unit(long t, long b, long m, Vector d_hidden) const {
        const long place = t * s.B + b, mine = b - first, u = m * V;
        if (s.keep && t < s.T - 1) d_hidden *= s.keep[place + s.B];
        Vector state[STATES] = {}, d_next[STATES], d_state[STATES], d_parts[PARTS][GATES];
        Vector extra[EXTRAS + 1], d_extra[EXTRAS + 1];
        state[0] = at(s.reads + place * s.KP + u);
        for (long part = 0; part < STATES; part++) {
            if (part) {
                state[part] = at(other(s, part, t, b) + u);
                if (s.keep) state[part] *= s.keep[place];
            }
            d_next[part] = at(carried + (part * rows() + mine) * s.HP + u);
            d_next[part] += given(d.every[part], t * d.every_step[part] + b * d.every_row[part], u);
            if (t == s.T - 1) d_next[part] += given(d.last[part], b * s.H, u);
        }
        d_next[0] += d_hidden;
        for (long e = 0; e < EXTRAS; e++) extra[e] = at(s.extras + e * s.HP + u);
        Vector kept[SAVED];
        const float* from = s.saved ? s.saved + (place * (s.HP / V) + m) * SAVED * V
                                    : saved + (mine * (s.HP / V) + m) * SAVED * V;
        for (long k = 0; k < SAVED; k++) kept[k] = at(from + k * V);
        cell_gradient(kept, state, extra, d_next, d_parts[0], d_parts[PARTS - 1], d_state, d_extra);
        const bool padded = u + V > s.H;
        for (long part = 0; part < PARTS; part++)
            for (long gate = 0; gate < GATES; gate++)
                at(now + (part * rows() + mine) * width(s) + m * TILE + gate * V) =
                    padded ? without_padding(s, m, d_parts[part][gate]) : d_parts[part][gate];
        for (long part = CARRIES_HIDDEN ? 0 : 1; part < STATES; part++) {
            if (padded) d_state[part] = without_padding(s, m, d_state[part]);
            at(carried + (part * rows() + mine) * s.HP + u) = s.keep ? d_state[part] * s.keep[place] : d_state[part];
        }
        for (long e = 0; e < EXTRAS; e++) at(extras + e * s.HP + u) += d_extra[e];
    }

    // V units of a gradient that came from outside, where units beyond H are not in memory.
    Vector given(const float* gradient, long row, long u) const {
        if (!gradient) return Vector{};
        const float* from = gradient + row + u;
        if (u + V <= s.H) return *reinterpret_cast<const Loose*>(from);
        Vector some{};
        for (long v = 0; v < s.H - u; v++) some[v] = from[v];
        return some;
    }

    // weights[g..g+R, n..n+N] += (gradients of one side's part)^T reads, over this thread's sequences.
    template <long R, long N>
    void weigh(const float* gradients, long t, long g, long n) const {
        Vector sums[R][N];
        for (long r = 0; r < R; r++)
            for (long m = 0; m < N; m++) sums[r][m] = at(weights + (g + r) * s.KP + (n + m) * V);
        multiply(sums, gradients + g, 1, width(s), s.reads + (t * s.B + first) * s.KP + n * V, s.KP, rows());
        for (long r = 0; r < R; r++)
            for (long m = 0; m < N; m++) at(weights + (g + r) * s.KP + (n + m) * V) = sums[r][m];
    }

    void weigh_columns(const float* gradients, long t, long from, long to) const {
        cover<WEIGHT_VECTORS>(from, to, [&](auto vectors, long n) {
            cover<WEIGHT_ROWS>(0, width(s), [&](auto rows, long g) { weigh<rows, vectors>(gradients, t, g, n); });
        });
    }

    void all_steps() {
        const long hidden_vectors = s.HP / V;
        std::memset(carried, 0, STATES * rows() * s.HP * sizeof(float));
        std::memset(weights, 0, width(s) * s.KP * sizeof(float));
        std::memset(extras, 0, EXTRAS * s.HP * sizeof(float));
        for (long t = s.T - 1; t >= 0; t--) {
            if (!s.saved)
                for (long j = 0; j < hidden_vectors; j++)
                    cover_evenly<ROWS>(first, last, [&](auto rows, long b) { step_again<rows>(t, b, j); });
            cover<BACK_VECTORS>(0, hidden_vectors, [&](auto vectors, long n) {
                cover_evenly<BACK_ROWS>(first, last, [&](auto rows, long b) { step<rows, vectors>(t, b, n); });
            });
            const long skipped = t == 0 && s.from_rest ? hidden_vectors : 0;
            if (ADDS) {
                weigh_columns(now, t, skipped, s.KP / V);
            } else {
                weigh_columns(hidden_side(now), t, skipped, hidden_vectors);
                weigh_columns(now, t, hidden_vectors, s.KP / V);
            }
            if (d.x_parts)
                std::memcpy(d.x_parts + (t * s.B + first) * width(s), now, rows() * width(s) * sizeof(float));
            std::swap(now, after);
        }
        if (d.first[0]) cover<BACK_VECTORS>(0, hidden_vectors, [&](auto vectors, long n) {
            cover_evenly<BACK_ROWS>(first, last, [&](auto rows, long b) { begin<rows, vectors>(b, n); });
        });
        for (long part = 1; part < STATES; part++)
            if (d.first[part])
                std::memcpy(d.first[part] + first * s.HP, carried + part * rows() * s.HP, rows() * s.HP * sizeof(float));
    }

    template <long R>
    void step_again(long t, long b, long j) const {
        Vector next[R][STATES], kept[R][SAVED];
        take_step(s, forward, t, b, j, next, kept);
        store(s, b - first, j, kept, saved);
    }

    template <long R, long N>
    void begin(long b, long n) const {
        Vector hidden[R][N] = {};
        through_product(b, n, hidden);
        for (long r = 0; r < R; r++)
            for (long m = 0; m < N; m++) {
                Vector sum = s.keep ? hidden[r][m] * s.keep[b + r] : hidden[r][m];
                if (CARRIES_HIDDEN) sum += at(carried + (b + r - first) * s.HP + (n + m) * V);
                at(d.first[0] + (b + r) * s.HP + (n + m) * V) = sum;
            }
    }
};

// Rows first to last of the weights' gradients: summed over the threads, out of their interleaving.
void unpack(const Sequence& s, const Gradients& d, float* const* parts, long threads, long first, long last) {
    for (long row = first; row < last; row++) {
        const long unit = row / TILE * V + row % V, to = row % TILE / V * s.H + unit;
        if (unit >= s.H) continue;
        float* sum = parts[0] + row * s.KP;
        for (long thread = 1; thread < threads; thread++)
            for (long k = 0; k < s.KP; k++) sum[k] += parts[thread][row * s.KP + k];
        std::memcpy(d.hidden_weight + to * s.H, sum, s.H * sizeof(float));
        std::memcpy(d.input_weight + to * s.I, sum + s.HP, s.I * sizeof(float));
        d.bias[to] = sum[s.HP + s.I];
    }
}

}  // namespace

extern "C" void cell_backward(const Sequence* sequence, const Gradients* gradients) {
    const Sequence s = *sequence;
    const Gradients d = *gradients;
    const long panels = s.HP / V, rows_of_weights = width(s);
    float* forward = s.saved ? nullptr : scratch<0>(panels * depth(s) * TILE);
    float* backward = scratch<1>(width(s) * s.HP);
    float *weights[MOST_THREADS], *extras[MOST_THREADS];
#pragma omp parallel num_threads(s.threads)
    {
        const long thread = omp_get_thread_num(), threads = omp_get_num_threads();
        const long first = s.B * thread / threads, last = s.B * (thread + 1) / threads, rows = last - first;
        if (forward) pack_forward(s, forward, panels * thread / threads, panels * (thread + 1) / threads);
        pack_backward(s, backward, rows_of_weights * thread / threads, rows_of_weights * (thread + 1) / threads);
        const long parts = PARTS * rows * width(s), again = s.saved ? 0 : rows * panels * SAVED * V;
        const long sizes[] = {parts, parts, STATES * rows * s.HP, again, width(s) * s.KP, EXTRAS * s.HP};
        float* places[6];
        long total = 0;
        for (long size : sizes) total += size;
        places[0] = scratch<2>(total);
        for (long k = 1; k < 6; k++) places[k] = places[k - 1] + sizes[k - 1];
        weights[thread] = places[4], extras[thread] = places[5];
#pragma omp barrier
        Backward{s, d, forward, backward, first, last, places[0], places[1], places[2], places[3], places[4], places[5]}
            .all_steps();
#pragma omp barrier
        unpack(s, d, weights, threads, rows_of_weights * thread / threads, rows_of_weights * (thread + 1) / threads);
#pragma omp single
        for (long k = 0; k < EXTRAS * s.HP; k++) {
            d.extras[k] = 0;
            for (long other = 0; other < threads; other++) d.extras[k] += extras[other][k];
        }
    }
}

extern "C" long floats_in_a_vector() { return V; }
extern "C" long floats_kept_for_a_unit() { return SAVED; }
