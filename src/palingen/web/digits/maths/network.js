// Networks: decoding their weights, forward, and backward to the inputs. No DOM.
//
// n  images      x  inputs, image after image      g  gradient of a loss with respect to the outputs
"use strict";
(function (palingen) {
  const { conv2d, conv2dBackward, convTranspose2d, convTranspose2dBackward, upsample, upsampleBackward } = palingen;

  /** A layer of the page's data with decoded weights, each output channel multiplied by its scale. */
  function decodeLayer(spec) {
    const layer = { ...spec };
    for (const part of ["conv1", "conv2", "shortcut"]) if (spec[part]) layer[part] = decodeLayer(spec[part]);
    if (!spec.weight) return layer;
    const inputs = spec.inChannels ?? spec.inFeatures, outputs = spec.outChannels ?? spec.outFeatures;
    layer.weight = palingen.decodeFloat16(spec.weight);
    layer.bias = spec.bias ? palingen.decodeFloat32(spec.bias) : new Float32Array(outputs);
    if (spec.scale) {
      const scale = palingen.decodeFloat32(spec.scale), area = spec.kernelSize ? spec.kernelSize ** 2 : 1;
      const channel = spec.kind === "conv_transpose2d" // [inputs, outputs, ...kernel]; otherwise [outputs, inputs, ...kernel]
        ? (i) => Math.floor(i / area) % outputs
        : (i) => Math.floor(i / (inputs * area));
      for (let i = 0; i < layer.weight.length; i++) layer.weight[i] *= scale[channel(i)];
    }
    return layer;
  }

  /** A network of the page's data, ready for `forward`. */
  const decodeNetwork = (spec) => ({ ...spec, layers: spec.layers.map(decodeLayer) });

  function linear(layer, x, n) {
    const y = new Float32Array(n * layer.outFeatures), blocks = n - (n % 4);
    for (let image = 0; image < blocks; image += 4) linear4Images(layer, x, y, image);
    for (let image = blocks; image < n; image++) linear1Image(layer, x, y, image);
    return y;
  }

  // Four images at a time, so that each weight is loaded once for all of them.
  function linear4Images({ weight, bias, inFeatures, outFeatures }, x, y, image) {
    const x0 = x.subarray(image * inFeatures), x1 = x.subarray((image + 1) * inFeatures);
    const x2 = x.subarray((image + 2) * inFeatures), x3 = x.subarray((image + 3) * inFeatures);
    for (let o = 0, w = 0; o < outFeatures; o++) {
      let a = bias[o], b = a, c = a, d = a;
      for (let i = 0; i < inFeatures; i++, w++) {
        const v = weight[w];
        a += v * x0[i]; b += v * x1[i]; c += v * x2[i]; d += v * x3[i];
      }
      const at = image * outFeatures + o;
      y[at] = a; y[at + outFeatures] = b; y[at + 2 * outFeatures] = c; y[at + 3 * outFeatures] = d;
    }
  }

  function linear1Image({ weight, bias, inFeatures, outFeatures }, x, y, image) {
    const input = x.subarray(image * inFeatures, (image + 1) * inFeatures);
    for (let o = 0, w = 0; o < outFeatures; o++, w += inFeatures) {
      let a = 0, b = 0, c = 0, d = 0, i = 0;
      for (; i + 4 <= inFeatures; i += 4) { // four sums, since each addition to a single one would wait for the last
        a += weight[w + i] * input[i]; b += weight[w + i + 1] * input[i + 1];
        c += weight[w + i + 2] * input[i + 2]; d += weight[w + i + 3] * input[i + 3];
      }
      for (; i < inFeatures; i++) a += weight[w + i] * input[i];
      y[image * outFeatures + o] = bias[o] + a + b + c + d;
    }
  }

  function linearBackward({ weight, inFeatures, outFeatures }, g, n) {
    const out = new Float32Array(n * inFeatures);
    for (let image = 0; image < n; image++) {
      const gradient = out.subarray(image * inFeatures, (image + 1) * inFeatures);
      for (let o = 0, w = 0; o < outFeatures; o++, w += inFeatures) {
        const v = g[image * outFeatures + o];
        for (let i = 0; i < inFeatures; i++) gradient[i] += weight[w + i] * v;
      }
    }
    return out;
  }

  const leakyRelu = (x, negativeSlope) => x.map((v) => (v > 0 ? v : negativeSlope * v));
  const leakyReluBackward = (x, g, negativeSlope) => g.map((v, i) => (x[i] > 0 ? v : negativeSlope * v));
  const add = (a, b) => a.map((v, i) => v + b[i]);

  /** Residual block that doubles height and width (`UpBlock` in gan/models/residual.py). */
  function upBlock({ conv1, conv2, shortcut, negativeSlope, height, width }, x, n) {
    const hidden = convTranspose2d(conv1, leakyRelu(x, negativeSlope), n);
    return add(upsample(conv2d(shortcut, x, n), height, width), conv2d(conv2, leakyRelu(hidden, negativeSlope), n));
  }

  function upBlockBackward({ conv1, conv2, shortcut, negativeSlope, height, width }, x, g, n) {
    const hidden = convTranspose2d(conv1, leakyRelu(x, negativeSlope), n);
    const hiddenGradient = leakyReluBackward(hidden, conv2dBackward(conv2, g, n), negativeSlope);
    const shortcutGradient = conv2dBackward(shortcut, upsampleBackward(g, height, width), n);
    return add(shortcutGradient, leakyReluBackward(x, convTranspose2dBackward(conv1, hiddenGradient, n), negativeSlope));
  }

  /** Maximum of every 2 x 2 pixels. */
  function maxPool2d({ width }, x) {
    const y = new Float32Array(x.length / 4), columns = width / 2;
    for (let at = 0; at < y.length; at++) { // heights are even, so the rows of all feature maps count as those of one
      const k = Math.floor(at / columns) * 2 * width + (at % columns) * 2;
      y[at] = Math.max(x[k], x[k + 1], x[k + width], x[k + width + 1]);
    }
    return y;
  }

  const FORWARD = {
    linear,
    conv2d,
    conv_transpose2d: convTranspose2d,
    up_block: upBlock,
    max_pool2d: maxPool2d,
    leaky_relu: (layer, x) => leakyRelu(x, layer.negativeSlope),
    tanh: (layer, x) => x.map(Math.tanh),
    clamp: (layer, x) => x.map((v) => Math.min(1, Math.max(-1, v))),
  };

  const BACKWARD = {
    linear: (layer, x, g, n) => linearBackward(layer, g, n),
    conv2d: (layer, x, g, n) => conv2dBackward(layer, g, n),
    conv_transpose2d: (layer, x, g, n) => convTranspose2dBackward(layer, g, n),
    up_block: upBlockBackward,
    leaky_relu: (layer, x, g) => leakyReluBackward(x, g, layer.negativeSlope),
    tanh: (layer, x, g) => g.map((v, i) => v * (1 - Math.tanh(x[i]) ** 2)),
    clamp: (layer, x, g) => g.map((v, i) => (Math.abs(x[i]) <= 1 ? v : 0)),
  };

  /** Outputs of a network for n inputs; appends the inputs of each layer to `tape`, if given. */
  function forward(network, inputs, n, tape) {
    let x = inputs;
    for (const layer of network.layers) {
      tape?.push(x);
      x = FORWARD[layer.kind](layer, x, n);
    }
    return x;
  }

  /** Gradient with respect to the inputs, from that with respect to the outputs and the tape of `forward`. */
  function backward({ layers }, tape, gradient, n) {
    return layers.reduceRight((g, layer, i) => BACKWARD[layer.kind](layer, tape[i], g, n), gradient);
  }

  /** Probabilities from logits. */
  function softmax(logits) {
    const max = Math.max(...logits), exponentials = Array.from(logits, (v) => Math.exp(v - max));
    const sum = exponentials.reduce((a, b) => a + b);
    return exponentials.map((v) => v / sum);
  }

  Object.assign(palingen, { decodeNetwork, forward, backward, softmax });
})((globalThis.palingen ??= {}));
