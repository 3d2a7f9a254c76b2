"""The residual networks in C++ (`convolution.cpp`), compiled at first use: bfloat16 on CPUs with AVX512-BF16.

oneDNN's kernels reach the arithmetic peak forward, but little over half of it in weight gradients and in strided input
gradients; they multiply the padding, and leave element-wise operations to passes of their own.

    networks     both networks with manually derived gradients
    convolution  one layer forward, backward, and its parameters' gradients
    elementwise  pooling and sums
    library      compiled code and its arguments
"""
