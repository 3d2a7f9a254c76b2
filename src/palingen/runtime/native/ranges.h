// Equal parts of a number of items, one for each thread.
#pragma once

namespace {

// Part of `count` items that one thread works on.
struct Range {
    long first, last;
    long size() const { return last - first; }
};

inline Range divide(long count, long thread, long threads) {
    return {count * thread / threads, count * (thread + 1) / threads};
}

}  // namespace
