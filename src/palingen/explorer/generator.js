// The networks of the explorer in plain JavaScript: weights from text, forward, and back to the inputs.
// No DOM: runs in a page, in a worker and under Node (18 or later), after numbers.js and convolutions.js.
//
// n  images      x  what a layer reads, image after image      g  a loss's gradient with respect to what a layer gives
"use strict";
(function (palingen) {
  const { convolve, convolveBack, transposed, transposedBack, enlarge, enlargeBack, halves, floats } = palingen;

  /** One layer of the payload, its weights decoded and each output channel multiplied by its scale. */
  function decodeLayer(spec) {
    const layer = { ...spec };
    for (const part of ["first", "second", "skip"]) if (spec[part]) layer[part] = decodeLayer(spec[part]);
    if (!spec.weight) return layer;
    layer.weight = halves(spec.weight);
    layer.bias = spec.bias ? floats(spec.bias) : new Float32Array(spec.after);
    if (spec.scale) {
      const scale = floats(spec.scale), area = spec.size ? spec.size ** 2 : 1;
      const channel = spec.kind === "transposed" // [before, after, size, size]; else [after, before, size, size]
        ? (i) => Math.floor(i / area) % spec.after
        : (i) => Math.floor(i / (spec.before * area));
      for (let i = 0; i < layer.weight.length; i++) layer.weight[i] *= scale[channel(i)];
    }
    return layer;
  }

  /** A network of the payload, ready for `forward`. */
  const decode = (spec) => ({ ...spec, layers: spec.layers.map(decodeLayer) });

  function linear({ weight, bias, before, after }, x, n) {
    const y = new Float32Array(n * after);
    let image = 0;
    for (; image + 4 <= n; image += 4) { // four at a time: each weight is fetched once for all of them
      const x0 = x.subarray(image * before), x1 = x.subarray((image + 1) * before);
      const x2 = x.subarray((image + 2) * before), x3 = x.subarray((image + 3) * before);
      for (let o = 0, w = 0; o < after; o++) {
        let a = bias[o], b = a, c = a, d = a;
        for (let i = 0; i < before; i++, w++) {
          const v = weight[w];
          a += v * x0[i]; b += v * x1[i]; c += v * x2[i]; d += v * x3[i];
        }
        const at = image * after + o;
        y[at] = a; y[at + after] = b; y[at + 2 * after] = c; y[at + 3 * after] = d;
      }
    }
    for (; image < n; image++) {
      const from = x.subarray(image * before, (image + 1) * before);
      for (let o = 0, w = 0; o < after; o++, w += before) {
        let a = 0, b = 0, c = 0, d = 0, i = 0;
        for (; i + 4 <= before; i += 4) { // four sums: one alone would wait for itself
          a += weight[w + i] * from[i]; b += weight[w + i + 1] * from[i + 1];
          c += weight[w + i + 2] * from[i + 2]; d += weight[w + i + 3] * from[i + 3];
        }
        for (; i < before; i++) a += weight[w + i] * from[i];
        y[image * after + o] = bias[o] + a + b + c + d;
      }
    }
    return y;
  }

  function linearBack({ weight, before, after }, g, n) {
    const out = new Float32Array(n * before);
    for (let image = 0; image < n; image++) {
      const to = out.subarray(image * before, (image + 1) * before);
      for (let o = 0, w = 0; o < after; o++, w += before) {
        const v = g[image * after + o];
        for (let i = 0; i < before; i++) to[i] += weight[w + i] * v;
      }
    }
    return out;
  }

  const leaky = (x, slope) => x.map((v) => (v > 0 ? v : slope * v));
  const leakyBack = (x, g, slope) => g.map((v, i) => (x[i] > 0 ? v : slope * v));
  const plus = (a, b) => a.map((v, i) => v + b[i]);

  /** A residual block (`Grow` in convolutional.py). */
  function grow({ first, second, skip, slope, height, width }, x, n) {
    const hidden = transposed(first, leaky(x, slope), n);
    return plus(enlarge(convolve(skip, x, n), height, width), convolve(second, leaky(hidden, slope), n));
  }

  function growBack({ first, second, skip, slope, height, width }, x, g, n) {
    const hidden = transposed(first, leaky(x, slope), n);
    const inside = leakyBack(hidden, convolveBack(second, g, n), slope);
    const straight = convolveBack(skip, enlargeBack(g, height, width), n);
    return plus(straight, leakyBack(x, transposedBack(first, inside, n), slope));
  }

  /** The largest of every 2 x 2. */
  function pool({ height, width }, x) {
    const y = new Float32Array(x.length / 4), columns = width / 2;
    for (let at = 0; at < y.length; at++) { // height is even, so rows of all maps can be counted through
      const k = Math.floor(at / columns) * 2 * width + (at % columns) * 2;
      y[at] = Math.max(x[k], x[k + 1], x[k + width], x[k + width + 1]);
    }
    return y;
  }

  const FORWARD = {
    linear, conv: convolve, transposed, grow, pool,
    leaky: (layer, x) => leaky(x, layer.slope),
    tanh: (layer, x) => x.map(Math.tanh),
  };

  const BACK = {
    linear: (layer, x, g, n) => linearBack(layer, g, n),
    conv: (layer, x, g, n) => convolveBack(layer, g, n),
    transposed: (layer, x, g, n) => transposedBack(layer, g, n),
    grow: growBack,
    leaky: (layer, x, g) => leakyBack(x, g, layer.slope),
    tanh: (layer, x, g) => g.map((v, i) => v * (1 - Math.tanh(x[i]) ** 2)),
  };

  /** What a network gives for n inputs; `tape`, if given, keeps what each layer read. */
  function forward(network, inputs, n, tape) {
    let x = inputs;
    for (const layer of network.layers) { tape?.push(x); x = FORWARD[layer.kind](layer, x, n); }
    return x;
  }

  /** The gradient with respect to the inputs, from that with respect to the outputs and the tape of `forward`. */
  function back(network, tape, gradient, n) {
    let g = gradient;
    for (let i = network.layers.length - 1; i >= 0; i--) g = BACK[network.layers[i].kind](network.layers[i], tape[i], g, n);
    return g;
  }

  Object.assign(palingen, { decode, forward, back });
})((globalThis.palingen ??= {}));
