// Convolutions, plain and transposed, and enlarging by two: forward, and back to what they read. No DOM.
//
// n  images      x  what a layer reads, image after image      g  a loss's gradient with respect to what it gives
"use strict";
(function (palingen) {
  /** Maps [channels, height, width] with `margin` zeros on every side. */
  function padded(x, channels, height, width, margin) {
    if (!margin) return x;
    const wide = width + 2 * margin, tall = height + 2 * margin, out = new Float32Array(channels * tall * wide);
    for (let c = 0; c < channels; c++)
      for (let row = 0; row < height; row++) {
        const at = (c * height + row) * width;
        out.set(x.subarray(at, at + width), (c * tall + row + margin) * wide + margin);
      }
    return out;
  }

  function convolveOne({ weight, bias, before, after, size, stride, padding, height, width }, x, y) {
    const from = padded(x, before, height, width, padding), wide = width + 2 * padding, tall = height + 2 * padding;
    const rows = (tall - size) / stride + 1 | 0, columns = (wide - size) / stride + 1 | 0;
    for (let o = 0; o < after; o++) {
      const to = y.subarray(o * rows * columns, (o + 1) * rows * columns).fill(bias[o]);
      for (let i = 0; i < before; i++) {
        const plane = from.subarray(i * tall * wide, (i + 1) * tall * wide), w = (o * before + i) * size * size;
        if (size === 3 && stride === 1) { // nearly all of the work: the nine weights stay in registers
          const a = weight[w], b = weight[w + 1], c = weight[w + 2], d = weight[w + 3], e = weight[w + 4];
          const f = weight[w + 5], p = weight[w + 6], q = weight[w + 7], r = weight[w + 8];
          for (let row = 0, at = 0; row < rows; row++)
            for (let k = row * wide, end = k + columns; k < end; k++, at++) {
              const l = k + wide, m = l + wide;
              to[at] += a * plane[k] + b * plane[k + 1] + c * plane[k + 2] + d * plane[l] + e * plane[l + 1]
                + f * plane[l + 2] + p * plane[m] + q * plane[m + 1] + r * plane[m + 2];
            }
          continue;
        }
        for (let tap = 0; tap < size * size; tap++) {
          const v = weight[w + tap], shift = Math.floor(tap / size) * wide + (tap % size);
          for (let row = 0, at = 0; row < rows; row++)
            for (let column = 0, k = row * stride * wide + shift; column < columns; column++, at++, k += stride)
              to[at] += v * plane[k];
        }
      }
    }
  }

  function transposedOne({ weight, bias, before, after, size, stride, padding, height, width }, x, y) {
    const rows = (height - 1) * stride - 2 * padding + size, columns = (width - 1) * stride - 2 * padding + size;
    const wide = columns + 2 * padding, tall = rows + 2 * padding;
    for (let o = 0; o < after; o++) {
      const whole = new Float32Array(tall * wide).fill(bias[o]);
      for (let i = 0; i < before; i++)
        for (let tap = 0; tap < size * size; tap++) {
          const v = weight[(i * after + o) * size * size + tap];
          const shift = Math.floor(tap / size) * wide + (tap % size);
          for (let row = 0, k = i * height * width; row < height; row++)
            for (let column = 0, at = row * stride * wide + shift; column < width; column++, at += stride, k++)
              whole[at] += v * x[k];
        }
      for (let row = 0; row < rows; row++) {
        const at = (row + padding) * wide + padding;
        y.set(whole.subarray(at, at + columns), (o * rows + row) * columns);
      }
    }
  }

  /** Apply `one(layer, x, y)` to each of n images of `size(layer)` numbers. */
  function each(one, layer, x, n, outputs) {
    const y = new Float32Array(n * outputs), inputs = x.length / n;
    for (let image = 0; image < n; image++)
      one(layer, x.subarray(image * inputs, (image + 1) * inputs), y.subarray(image * outputs, (image + 1) * outputs));
    return y;
  }

  function outputs({ kind, after, size, stride, padding, height, width }) {
    const edge = kind === "transposed"
      ? (length) => (length - 1) * stride - 2 * padding + size
      : (length) => Math.floor((length + 2 * padding - size) / stride) + 1;
    return after * edge(height) * edge(width);
  }

  const convolve = (layer, x, n) => each(convolveOne, layer, x, n, outputs(layer));
  const transposed = (layer, x, n) => each(transposedOne, layer, x, n, outputs(layer));

  /** Of a convolution that keeps height and width: the same with its weights turned round. */
  function convolveBack(layer, g, n) {
    if (!layer.turned) {
      const { weight, before, after, size } = layer, area = size * size, turned = new Float32Array(weight.length);
      for (let o = 0; o < after; o++)
        for (let i = 0; i < before; i++)
          for (let tap = 0; tap < area; tap++)
            turned[(i * after + o) * area + area - 1 - tap] = weight[(o * before + i) * area + tap];
      layer.turned = { ...layer, weight: turned, before: after, after: before, bias: new Float32Array(before) };
    }
    return convolve(layer.turned, g, n);
  }

  /** Of a transposed convolution: the plain one with the very same weights. */
  function transposedBack(layer, g, n) {
    const { before, after, size, stride, padding, height, width } = layer;
    const rows = (height - 1) * stride - 2 * padding + size, columns = (width - 1) * stride - 2 * padding + size;
    const plain = { ...layer, kind: "conv", before: after, after: before, height: rows, width: columns };
    return convolve({ ...plain, bias: new Float32Array(before) }, g, n);
  }

  /** Twice the height and width, each new pixel 3/4 of the nearest and 1/4 of the next, along both edges. */
  const enlarge = (x, height, width) => stretch(stretch(x, height, width), width, 1);

  const enlargeBack = (g, height, width) => stretchBack(stretchBack(g, width, 1), height, width);

  // x is [..., length, inner]; every line of `length` becomes twice as long.
  function stretch(x, length, inner) {
    const y = new Float32Array(2 * x.length);
    for (let line = 0; line < x.length / length; line++) {
      const group = Math.floor(line / inner), k = line % inner;
      for (let i = 0; i < length; i++) {
        const at = (group * length + i) * inner + k, to = (group * length + i) * 2 * inner + k;
        y[to] = 0.75 * x[at] + 0.25 * (i ? x[at - inner] : x[at]);
        y[to + inner] = 0.75 * x[at] + 0.25 * (i < length - 1 ? x[at + inner] : x[at]);
      }
    }
    return y;
  }

  function stretchBack(g, length, inner) {
    const x = new Float32Array(g.length / 2);
    for (let line = 0; line < x.length / length; line++) {
      const group = Math.floor(line / inner), k = line % inner;
      for (let i = 0; i < length; i++) {
        const at = (group * length + i) * inner + k, from = (group * length + i) * 2 * inner + k;
        x[at] += 0.75 * (g[from] + g[from + inner]);
        x[i ? at - inner : at] += 0.25 * g[from];
        x[i < length - 1 ? at + inner : at] += 0.25 * g[from + inner];
      }
    }
    return x;
  }

  Object.assign(palingen, { convolve, convolveBack, transposed, transposedBack, enlarge, enlargeBack });
})((globalThis.palingen ??= {}));
