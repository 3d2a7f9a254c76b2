// Memory of a thread, and copies between memory layouts.
#pragma once

#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "product.h"

namespace {

constexpr long HUGE_PAGE = 1 << 21;

// Memory of this thread that grows and is never freed: fresh pages cost more than the arithmetic on them.
template <int PURPOSE>
float* scratch(long floats) {
    static thread_local float* memory = nullptr;
    static thread_local long size = 0;
    if (size < floats) {
        std::free(memory);
        const long page = floats * long(sizeof(float)) < HUGE_PAGE ? 4096 : HUGE_PAGE;
        size = (floats * long(sizeof(float)) + page - 1) / page * page / long(sizeof(float));
        memory = static_cast<float*>(std::aligned_alloc(page, size * sizeof(float)));
#if defined(MADV_HUGEPAGE)
        if (page == HUGE_PAGE) madvise(memory, size * sizeof(float), MADV_HUGEPAGE);
#endif
    }
    return memory;
}

// Transposed copy: to[k, v] = from[v, k] for k < columns and v < V; rows from `rows` on are zero.
inline void transpose_rows(const float* from, long row_stride, long rows, long columns, float* to, long to_stride) {
    long k = 0;
    if (rows == V)
        for (; k + V <= columns; k += V) {
            Vector block[V];
            for (long v = 0; v < V; v++) block[v] = load_unaligned(from + v * row_stride + k);
            transpose(block);
            for (long v = 0; v < V; v++) vector_at(to + (k + v) * to_stride) = block[v];
        }
    for (; k < columns; k++)
        for (long v = 0; v < V; v++) to[k * to_stride + v] = v < rows ? from[v * row_stride + k] : 0;
}

// Rows of numbers to rows of words.
inline void pack_row(const float* from, long count, float* to) {
    for (long k = 0; k < count; k += 2 * V)
        vector_at(to + k / 2) = pairs_within(vector_at(from + k), k + V < count ? vector_at(from + k + V) : Vector{});
}

}  // namespace
