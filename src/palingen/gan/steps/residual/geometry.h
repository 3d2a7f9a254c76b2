// Sizes of a convolution, and the pairs of pixels that its taps connect.
#pragma once

#include <cstdint>

typedef std::uint16_t bfloat16;                             // as bits
typedef std::int32_t Pair __attribute__((may_alias));  // two of them

struct Plane {
    long height, width, channels;
    long pixels() const { return height * width; }
    long numbers() const { return pixels() * channels; }
};

struct Geometry {
    long images;
    Plane in, out;
    long kernel_height, kernel_width, stride_y, stride_x, padding_y, padding_x;
    long taps() const { return kernel_height * kernel_width; }
};

// Positions along one axis of the output, from `first` to before `end`, whose input through a tap is not padding.
struct Range {
    long first, end;
    Range(long tap, long stride, long padding, long in, long out) {
        const long lowest = padding - tap, highest = in - 1 + padding - tap;  // of stride * output
        first = lowest > 0 ? (lowest + stride - 1) / stride : 0;
        end = highest < 0 ? 0 : highest / stride + 1;
        if (end > out) end = out;
    }
    bool contains(long position) const { return first <= position && position < end; }
};
