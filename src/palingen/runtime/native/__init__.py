"""Compiled code: C++ that is compiled for this processor at first use (`cpp_build.py`), and headers that it shares.

simd.h      vectors of floats and functions of them
product.h   products of small matrices in registers, in float32 or of pairs of bfloat16 numbers
memory.h    memory of a thread, transposition, rows of words
ranges.h    equal parts of the work
"""
