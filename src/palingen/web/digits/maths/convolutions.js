// Convolutions, transposed convolutions and bilinear upsampling, with their input gradients. No DOM.
//
// n  images      x  inputs, image after image      y  outputs      g  gradient of a loss with respect to the outputs
"use strict";
(function (palingen) {
  /** Feature maps [channels, height, width] with zeros around each. */
  function zeroPad(x, channels, height, width, padding) {
    if (!padding) return x;
    const paddedWidth = width + 2 * padding, paddedHeight = height + 2 * padding;
    const out = new Float32Array(channels * paddedHeight * paddedWidth);
    for (let c = 0; c < channels; c++)
      for (let row = 0; row < height; row++) {
        const start = (c * height + row) * width;
        out.set(x.subarray(start, start + width), (c * paddedHeight + row + padding) * paddedWidth + padding);
      }
    return out;
  }

  function conv2dImage({ weight, bias, inChannels, outChannels, kernelSize, stride, padding, height, width }, x, y) {
    const input = zeroPad(x, inChannels, height, width, padding), area = kernelSize * kernelSize;
    const inWidth = width + 2 * padding, inHeight = height + 2 * padding;
    const rows = (inHeight - kernelSize) / stride + 1 | 0, columns = (inWidth - kernelSize) / stride + 1 | 0;
    for (let o = 0; o < outChannels; o++) {
      const output = y.subarray(o * rows * columns, (o + 1) * rows * columns).fill(bias[o]);
      for (let i = 0; i < inChannels; i++) {
        const plane = input.subarray(i * inHeight * inWidth, (i + 1) * inHeight * inWidth);
        const kernel = weight.subarray((o * inChannels + i) * area, (o * inChannels + i + 1) * area);
        if (kernelSize === 3 && stride === 1) addConv3x3(kernel, plane, inWidth, output, rows, columns);
        else addConv(kernel, kernelSize, stride, plane, inWidth, output, rows, columns);
      }
    }
  }

  // Nearly all of the work: the nine weights stay in registers.
  function addConv3x3(kernel, plane, inWidth, output, rows, columns) {
    const a = kernel[0], b = kernel[1], c = kernel[2], d = kernel[3], e = kernel[4];
    const f = kernel[5], p = kernel[6], q = kernel[7], r = kernel[8];
    for (let row = 0, at = 0; row < rows; row++)
      for (let k = row * inWidth, end = k + columns; k < end; k++, at++) {
        const l = k + inWidth, m = l + inWidth;
        output[at] += a * plane[k] + b * plane[k + 1] + c * plane[k + 2] + d * plane[l] + e * plane[l + 1]
          + f * plane[l + 2] + p * plane[m] + q * plane[m + 1] + r * plane[m + 2];
      }
  }

  function addConv(kernel, kernelSize, stride, plane, inWidth, output, rows, columns) {
    for (let tap = 0; tap < kernel.length; tap++) {
      const v = kernel[tap], shift = Math.floor(tap / kernelSize) * inWidth + (tap % kernelSize);
      for (let row = 0, at = 0; row < rows; row++)
        for (let column = 0, k = row * stride * inWidth + shift; column < columns; column++, at++, k += stride)
          output[at] += v * plane[k];
    }
  }

  function convTranspose2dImage(layer, x, y) {
    const { weight, bias, inChannels, outChannels, kernelSize, stride, padding, height, width } = layer;
    const rows = transposedSize(layer, height), columns = transposedSize(layer, width), area = kernelSize * kernelSize;
    const fullWidth = columns + 2 * padding, fullHeight = rows + 2 * padding;
    for (let o = 0; o < outChannels; o++) {
      const full = new Float32Array(fullHeight * fullWidth).fill(bias[o]); // with the border that padding removes
      for (let i = 0; i < inChannels; i++)
        for (let tap = 0; tap < area; tap++) {
          const v = weight[(i * outChannels + o) * area + tap];
          const shift = Math.floor(tap / kernelSize) * fullWidth + (tap % kernelSize);
          for (let row = 0, k = i * height * width; row < height; row++)
            for (let column = 0, at = row * stride * fullWidth + shift; column < width; column++, at += stride, k++)
              full[at] += v * x[k];
        }
      for (let row = 0; row < rows; row++) {
        const start = (row + padding) * fullWidth + padding;
        y.set(full.subarray(start, start + columns), (o * rows + row) * columns);
      }
    }
  }

  const convSize = ({ kernelSize, stride, padding }, size) => Math.floor((size + 2 * padding - kernelSize) / stride) + 1;
  const transposedSize = ({ kernelSize, stride, padding }, size) => (size - 1) * stride - 2 * padding + kernelSize;

  /** Outputs of `compute(layer, x, y)` for each of n images; `outputSize` maps height to height and width to width. */
  function mapImages(compute, outputSize, layer, x, n) {
    const inputs = x.length / n, outputs = layer.outChannels * outputSize(layer, layer.height) * outputSize(layer, layer.width);
    const y = new Float32Array(n * outputs);
    for (let k = 0; k < n; k++)
      compute(layer, x.subarray(k * inputs, (k + 1) * inputs), y.subarray(k * outputs, (k + 1) * outputs));
    return y;
  }

  const conv2d = (layer, x, n) => mapImages(conv2dImage, convSize, layer, x, n);
  const convTranspose2d = (layer, x, n) => mapImages(convTranspose2dImage, transposedSize, layer, x, n);

  /** Input gradient of a convolution that keeps height and width: a convolution with its kernels rotated by 180 degrees. */
  function conv2dBackward(layer, g, n) {
    layer.rotated ??= rotateKernels(layer);
    return conv2d(layer.rotated, g, n);
  }

  function rotateKernels(layer) {
    const { inChannels, outChannels, kernelSize } = layer, area = kernelSize * kernelSize;
    const weight = new Float32Array(layer.weight.length);
    for (let o = 0; o < outChannels; o++)
      for (let i = 0; i < inChannels; i++)
        for (let tap = 0; tap < area; tap++)
          weight[(i * outChannels + o) * area + area - 1 - tap] = layer.weight[(o * inChannels + i) * area + tap];
    return { ...layer, weight, inChannels: outChannels, outChannels: inChannels, bias: new Float32Array(inChannels) };
  }

  /** Input gradient of a transposed convolution: the convolution with the same weights. */
  function convTranspose2dBackward(layer, g, n) {
    const { inChannels, outChannels } = layer;
    const height = transposedSize(layer, layer.height), width = transposedSize(layer, layer.width);
    const bias = new Float32Array(inChannels);
    return conv2d({ ...layer, inChannels: outChannels, outChannels: inChannels, height, width, bias }, g, n);
  }

  /** Bilinear upsampling by two: each new pixel is 3/4 of the nearest and 1/4 of the next, along rows and columns. */
  const upsample = (x, height, width) => upsampleAxis(upsampleAxis(x, height, width), width, 1);
  const upsampleBackward = (g, height, width) => upsampleAxisBackward(upsampleAxisBackward(g, width, 1), height, width);

  // x is [..., length, inner]; `length` doubles.
  function upsampleAxis(x, length, inner) {
    const y = new Float32Array(2 * x.length);
    for (let line = 0; line < x.length / length; line++) {
      const group = Math.floor(line / inner), k = line % inner;
      for (let i = 0; i < length; i++) {
        const from = (group * length + i) * inner + k, to = (group * length + i) * 2 * inner + k;
        y[to] = 0.75 * x[from] + 0.25 * (i ? x[from - inner] : x[from]);
        y[to + inner] = 0.75 * x[from] + 0.25 * (i < length - 1 ? x[from + inner] : x[from]);
      }
    }
    return y;
  }

  function upsampleAxisBackward(g, length, inner) {
    const x = new Float32Array(g.length / 2);
    for (let line = 0; line < x.length / length; line++) {
      const group = Math.floor(line / inner), k = line % inner;
      for (let i = 0; i < length; i++) {
        const to = (group * length + i) * inner + k, from = (group * length + i) * 2 * inner + k;
        x[to] += 0.75 * (g[from] + g[from + inner]);
        x[i ? to - inner : to] += 0.25 * g[from];
        x[i < length - 1 ? to + inner : to] += 0.25 * g[from + inner];
      }
    }
    return x;
  }

  Object.assign(palingen, { conv2d, conv2dBackward, convTranspose2d, convTranspose2dBackward, upsample, upsampleBackward });
})((globalThis.palingen ??= {}));
