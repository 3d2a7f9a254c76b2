// Backpropagation through time: the loss of a batch, its gradients, and how much of it reaches each step. No DOM.
//
// B  sequences      S  steps      H  hidden units      GH  gates times H      K = 10  digits
"use strict";
(function (palingen) {
  const { CELLS, NAMES, NUM_DIGITS: K } = palingen;

  /**
   * Loss, number of right answers, gradients by name of the parameter, and the gradient's norm at every step.
   *
   * The loss is the mean cross-entropy. `norms` has for each part of the state the mean over the sequences of the norm of
   * dL/dh(t), L the loss of one sequence (and of dL/dc(t)): everything that the state does later, as in
   * palingen.recurrence.analysis.gradient_norms.
   */
  function lossAndGradients(network, { inputs, targets, count: B, steps: S }) {
    const { hiddenSize: H, parameters } = network, { state } = CELLS[network.cell];
    const run = palingen.unroll(network, inputs, B, S, { tape: true }), Floats = run.h.constructor;
    const { loss, correct, dLogits } = crossEntropy(run.logits, targets, B);
    const grads = Object.fromEntries(Object.entries(parameters).map(([name, v]) => [name, new Floats(v.length)]));
    palingen.addOuter(dLogits, run.final[0], grads[NAMES.headWeight], B, K, H);
    for (let i = 0; i < B * K; i++) grads[NAMES.headBias][i % K] += dLogits[i];
    const dh = new Floats(B * H);
    palingen.multiply(palingen.transpose(parameters[NAMES.headWeight], K, H), dLogits, dh, B, H, K);
    const norms = Object.fromEntries(state.map((name) => [name, new Float64Array(S)]));
    backThroughTime(network, inputs, run, { grads, norms, dh, B, S });
    return { loss, correct, grads, norms };
  }

  /** Mean cross-entropy, right answers, and the gradient of the logits. */
  function crossEntropy(logits, targets, B) {
    const p = palingen.probabilities(logits), dLogits = new logits.constructor(B * K);
    let loss = 0, correct = 0;
    for (let b = 0; b < B; b++) {
      loss -= Math.log(Math.max(p[b * K + targets[b]], 1e-45)) / B;
      correct += palingen.argmax(logits, b * K) === targets[b];
      for (let k = 0; k < K; k++) dLogits[b * K + k] = (p[b * K + k] - (k === targets[b])) / B;
    }
    return { loss, correct, dLogits };
  }

  function backThroughTime(network, digits, run, { grads, norms, dh, B, S }) {
    const { cell, hiddenSize: H, parameters } = network, { gates, gradient, extra } = CELLS[cell];
    const GH = gates.length * H, BH = B * H, Floats = dh.constructor;
    const weightT = palingen.transpose(parameters[NAMES.weightHh], GH, H), table = new Floats(K * GH);
    const dp = new Floats(B * GH), dx = cell === "gru" ? new Floats(B * GH) : dp, dc = new Floats(BH), memory = new Floats(BH);
    const io = {
      gates: run.gates, c: run.c, lastC: run.c, lastH: run.h, hn: run.hn, dh, dc, dp, dx, H,
      extra: palingen.extraWeights(network), extraGrads: extra.map((name) => grads[NAMES.extra(name)]),
    };
    for (let t = S - 1; t >= 0; t--) {
      norms.h[t] = meanNorm(dh, B, H);
      const last = { before: t * BH, now: (t + 1) * BH, product: t * BH, memory };
      for (let b = 0; b < B; b++) gradient(io, (t * B + b) * GH, b * H, last, b * GH);
      if (norms.c) norms.c[t] = meanNorm(memory, B, H);
      palingen.addOuter(dp, run.h.subarray(t * BH, (t + 1) * BH), grads[NAMES.weightHh], B, GH, H);
      for (let b = 0; b < B; b++) {
        const row = digits[b * S + t] * GH;
        for (let k = 0; k < GH; k++) table[row + k] += dx[b * GH + k];
      }
      palingen.multiply(weightT, dp, dh, B, H, GH, true);
    }
    addInputGradients(network, table, grads);
  }

  /** Gradients of input weights and bias, from those of the projections of the ten digits [10 GH]. */
  function addInputGradients({ inputSize, parameters }, table, grads) {
    const GH = parameters[NAMES.bias].length, weight = grads[NAMES.weightIh], bias = grads[NAMES.bias];
    for (let digit = 0; digit < K; digit++)
      for (let k = 0; k < GH; k++) {
        const v = table[digit * GH + k];
        bias[k] += v;
        if (inputSize === 1) weight[k] += digit * v;
        else weight[k * inputSize + digit] += v;
      }
  }

  /** Mean over the sequences of the norm of their gradients, each that of its own loss: B times its part in the mean. */
  function meanNorm(values, B, H) {
    let sum = 0;
    for (let b = 0; b < B; b++) {
      let square = 0;
      for (let j = b * H; j < (b + 1) * H; j++) square += values[j] ** 2;
      sum += Math.sqrt(square) * B;
    }
    return sum / B;
  }

  Object.assign(palingen, { lossAndGradients });
})((globalThis.palingen ??= {}));
