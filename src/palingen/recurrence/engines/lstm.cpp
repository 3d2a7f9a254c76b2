// The LSTM of cells.py over a whole sequence, forward and backward, in float32 on a processor.
//
// The batch is parted among the threads once, for all steps: sequences never meet, so no step waits for another
// thread, and what a step reads stays in its core's cache.
//
//     T  steps    B  sequences    H  hidden units (HP: padded to whole vectors)    I  inputs    V  floats in a vector
//
// A row of `reads` is all that a sequence's gates see at a step, [h(t-1) | x(t) | 1 | padding], so that past, input and
// bias are one product. Gates lie interleaved: V units of i, then of f, g and o, then the next V units. A tile of the
// product so holds all four gates of its units, and (1)-(6) are applied while they are in registers.

#include <cstdlib>
#include <cstring>
#include <omp.h>
#include <utility>

#include "vectors.h"

namespace {

constexpr long GATES = 4, TILE = GATES * V, MOST_THREADS = 256;

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
    long T, B, H, I, HP, KP;    // KP: floats in a row of `reads`
    const float *hidden_weight;  // [4H, H]
    const float *input_weight;   // [4H, I]
    const float *bias;           // [4H]
    const float *inputs;         // [T, B, I] with these strides
    long input_step, input_row, input_stride;
    float *reads;                // [T + 1, B, KP]; h(-1) is there, h(t) is written into row t + 1
    float *memory;               // [T + 1, B, HP]; c(-1) is there, c(t) is written into row t + 1
    float *gates;                // [T, B, 4HP] interleaved, or null: not stored
    const float *keep;           // [T + 1, B]; 0 forgets h(t-1) and c(t-1) before step t. Null: nothing is forgotten
    float *hidden;               // [T, B, HP] h(t) before anything is forgotten; with `keep` only
    long from_rest;              // h(-1) is zero and needs no product
    long threads;
};

struct Gradients {
    const float *hidden;  long hidden_step, hidden_row;  // of every h(t), or null; strides of t and b
    const float *memory;  long memory_step, memory_row;  // of every c(t), or null
    const float *last_hidden, *last_memory;              // [B, H] of h(T-1) and c(T-1), or null
    float *hidden_weight, *input_weight, *bias;          // as the weights
    float *first_hidden, *first_memory;                  // [B, HP] of h(-1) and c(-1), or null: not wanted
    float *gates;                                        // [T, B, 4HP] before the activations, or null: not wanted
};

}

namespace {

// [4H, .] weights to panels: panel j, row k of `reads`, gate, unit within the panel.
void pack_forward(const Sequence& s, float* packed, long first, long last) {
    const long depth = s.HP + s.I + 1;
    for (long j = first; j < last; j++)
        for (long gate = 0; gate < GATES; gate++)
            for (long v = 0; v < V; v++) {
                const long unit = j * V + v, row = gate * s.H + unit;
                float* to = packed + j * depth * TILE + gate * V + v;
                if (unit >= s.H) {
                    for (long k = 0; k < depth; k++) to[k * TILE] = 0;
                    continue;
                }
                for (long k = 0; k < s.H; k++) to[k * TILE] = s.hidden_weight[row * s.H + k];
                for (long k = s.H; k < s.HP; k++) to[k * TILE] = 0;
                for (long k = 0; k < s.I; k++) to[(s.HP + k) * TILE] = s.input_weight[row * s.I + k];
                to[(s.HP + s.I) * TILE] = s.bias[row];
            }
}

// [4H, H] to panels of at most 4 vectors of units: panel, row of interleaved gates, unit.
void pack_backward(const Sequence& s, float* packed, long first, long last) {
    const long vectors = s.HP / V;
    for (long row = first; row < last; row++) {
        const long unit = row / TILE * V + row % V, gate = row % TILE / V;
        const float* from = s.hidden_weight + (gate * s.H + unit) * s.H;
        for (long n = 0; n < vectors; n += 4) {
            const long width = (vectors - n < 4 ? vectors - n : 4) * V;
            float* to = packed + n * V * GATES * s.HP + row * width;
            for (long k = 0; k < width; k++) to[k] = unit < s.H && n * V + k < s.H ? from[n * V + k] : 0;
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

// The sums of the four gates for R sequences from b on and the units of panel j.
template <long R>
inline void sum_gates(const Sequence& s, const float* packed, long t, long b, long j, Vector (&sums)[R][GATES]) {
    const long skipped = t == 0 && s.from_rest ? s.HP : 0, depth = s.HP + s.I + 1;
    multiply(sums, s.reads + (t * s.B + b) * s.KP + skipped, s.KP, 1, packed + (j * depth + skipped) * TILE, TILE,
             depth - skipped);
    for (long r = 0; r < R; r++) {
        auto& [i, f, g, o] = sums[r];
        g = tanh(g), i = sigmoid(i), f = sigmoid(f), o = sigmoid(o);  // (1)-(4)
    }
}

template <long R>
inline void step(const Sequence& s, const float* packed, long t, long b, long j) {
    Vector gates[R][GATES] = {};
    sum_gates(s, packed, t, b, j, gates);
    for (long r = 0; r < R; r++) {
        const long now = t * s.B + b + r, next = now + s.B;
        const auto [i, f, g, o] = gates[r];
        Vector past = at(s.memory + now * s.HP + j * V);
        if (s.keep) past *= s.keep[now];
        const Vector c = g * i + past * f;  // (5)
        const Vector h = tanh(c) * o;       // (6)
        at(s.memory + next * s.HP + j * V) = c;
        at(s.reads + next * s.KP + j * V) = s.keep ? h * s.keep[next] : h;
        if (s.keep) at(s.hidden + now * s.HP + j * V) = h;
        if (s.gates)
            for (long gate = 0; gate < GATES; gate++) at(s.gates + now * GATES * s.HP + j * TILE + gate * V) = gates[r][gate];
    }
}

}  // namespace

extern "C" void lstm_forward(const Sequence* sequence) {
    const Sequence s = *sequence;
    const long panels = s.HP / V;
    float* packed = scratch<0>(panels * (s.HP + s.I + 1) * TILE);
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
    const float *forward, *backward;  // packed weights; `forward` where the gates were not stored
    long first, last;                 // its sequences
    float *after, *now;               // [sequences, 4HP] dL/d(gate before its activation) of step t + 1 and of step t
    float *memory;                    // [sequences, HP] dL/dc(t)
    float *weights;                   // [4HP, KP] dL/d(weights), summed over its sequences

    long width() const { return GATES * s.HP; }

    // dL/dh(t) through step t + 1 for R sequences and N vectors of units from n on.
    template <long R, long N>
    void through_next(long b, long n, Vector (&sums)[R][N]) const {
        const long panel = n / 4 * 4, panel_width = (s.HP / V - panel < 4 ? s.HP / V - panel : 4) * V;
        multiply(sums, after + (b - first) * width(), width(), 1,
                 backward + panel * V * width() + (n - panel) * V, panel_width, width());
    }

    template <long R, long N>
    void step(long t, long b, long n) const {
        Vector hidden[R][N] = {};
        if (t < s.T - 1) through_next(b, n, hidden);
        for (long r = 0; r < R; r++)
            for (long m = n; m < n + N; m++) unit(t, b + r, m, hidden[r][m - n]);
    }

    // (1)-(6) backwards for one sequence and the m-th vector of units.
    void unit(long t, long b, long m, Vector dh) const {
        const long place = t * s.B + b, mine = b - first, u = m * V;
        Vector& memory_gradient = at(memory + mine * s.HP + u);
        if (s.keep && t < s.T - 1) dh *= s.keep[place + s.B];
        dh += given(d.hidden, t * d.hidden_step + b * d.hidden_row, u);
        Vector dc = memory_gradient + given(d.memory, t * d.memory_step + b * d.memory_row, u);
        if (t == s.T - 1) {
            dh += given(d.last_hidden, b * s.H, u);
            dc += given(d.last_memory, b * s.H, u);
        }
        const float* gates = (s.gates ? s.gates + place * width() : now + mine * width()) + m * TILE;
        const Vector i = at(gates), f = at(gates + V), g = at(gates + 2 * V), o = at(gates + 3 * V);
        const Vector tanh_c = tanh(at(s.memory + (place + s.B) * s.HP + u));
        Vector past = at(s.memory + place * s.HP + u);
        if (s.keep) past *= s.keep[place];
        dc += dh * o * (1.0f - tanh_c * tanh_c);  // (6)
        float* to = now + mine * width() + m * TILE;
        at(to) = dc * g * i * (1.0f - i);                // (5), (2)
        at(to + V) = dc * past * f * (1.0f - f);         // (5), (3)
        at(to + 2 * V) = dc * i * (1.0f - g * g);        // (5), (1)
        at(to + 3 * V) = dh * tanh_c * o * (1.0f - o);   // (6), (4)
        memory_gradient = s.keep ? dc * f * s.keep[place] : dc * f;  // (5)
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

    // weights[g..g+R, n..n+N] += (gate gradients)^T reads, over this thread's sequences.
    template <long R, long N>
    void weigh(long t, long g, long n) const {
        Vector sums[R][N];
        for (long r = 0; r < R; r++)
            for (long m = 0; m < N; m++) sums[r][m] = at(weights + (g + r) * s.KP + (n + m) * V);
        multiply(sums, now + g, 1, width(), s.reads + (t * s.B + first) * s.KP + n * V, s.KP, last - first);
        for (long r = 0; r < R; r++)
            for (long m = 0; m < N; m++) at(weights + (g + r) * s.KP + (n + m) * V) = sums[r][m];
    }

    void all_steps() {
        std::memset(memory, 0, (last - first) * s.HP * sizeof(float));
        std::memset(weights, 0, width() * s.KP * sizeof(float));
        for (long t = s.T - 1; t >= 0; t--) {
            if (!s.gates)
                for (long j = 0; j < s.HP / V; j++)
                    cover_evenly<ROWS>(first, last, [&](auto rows, long b) { recompute<rows>(t, b, j); });
            cover<4>(0, s.HP / V, [&](auto vectors, long n) {
                cover_evenly<ROWS>(first, last, [&](auto rows, long b) { step<rows, vectors>(t, b, n); });
            });
            cover<WEIGHT_VECTORS>(t == 0 && s.from_rest ? s.HP / V : 0, s.KP / V, [&](auto vectors, long n) {
                cover<WEIGHT_ROWS>(0, width(), [&](auto rows, long g) { weigh<rows, vectors>(t, g, n); });
            });
            if (d.gates)
                std::memcpy(d.gates + (t * s.B + first) * width(), now, (last - first) * width() * sizeof(float));
            std::swap(now, after);
        }
        if (d.first_hidden) cover<4>(0, s.HP / V, [&](auto vectors, long n) {
            cover_evenly<ROWS>(first, last, [&](auto rows, long b) { begin<rows, vectors>(b, n); });
        });
        if (d.first_memory)
            std::memcpy(d.first_memory + first * s.HP, memory, (last - first) * s.HP * sizeof(float));
    }

    template <long R>
    void recompute(long t, long b, long j) const {
        Vector gates[R][GATES] = {};
        sum_gates(s, forward, t, b, j, gates);
        for (long r = 0; r < R; r++)
            for (long gate = 0; gate < GATES; gate++)
                at(now + (b + r - first) * width() + j * TILE + gate * V) = gates[r][gate];
    }

    template <long R, long N>
    void begin(long b, long n) const {
        Vector hidden[R][N] = {};
        through_next(b, n, hidden);
        for (long r = 0; r < R; r++)
            for (long m = 0; m < N; m++)
                at(d.first_hidden + (b + r) * s.HP + (n + m) * V) = s.keep ? hidden[r][m] * s.keep[b + r] : hidden[r][m];
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

extern "C" void lstm_backward(const Sequence* sequence, const Gradients* gradients) {
    const Sequence s = *sequence;
    const Gradients d = *gradients;
    const long panels = s.HP / V, width = GATES * s.HP;
    float* forward = s.gates ? nullptr : scratch<0>(panels * (s.HP + s.I + 1) * TILE);
    float* backward = scratch<1>(width * s.HP);
    float* parts[MOST_THREADS];
#pragma omp parallel num_threads(s.threads)
    {
        const long thread = omp_get_thread_num(), threads = omp_get_num_threads();
        const long first = s.B * thread / threads, last = s.B * (thread + 1) / threads, rows = last - first;
        if (forward) pack_forward(s, forward, panels * thread / threads, panels * (thread + 1) / threads);
        pack_backward(s, backward, width * thread / threads, width * (thread + 1) / threads);
        float* own = scratch<2>(rows * (2 * width + s.HP) + width * s.KP);
        parts[thread] = own + rows * (2 * width + s.HP);
#pragma omp barrier
        Backward{s, d, forward, backward, first, last, own, own + rows * width, own + 2 * rows * width, parts[thread]}
            .all_steps();
#pragma omp barrier
        unpack(s, d, parts, threads, width * thread / threads, width * (thread + 1) / threads);
    }
}

extern "C" long lstm_floats_in_a_vector() { return V; }
