// Recurrent networks: a cell unrolled over palindromes, a linear head, and the answer at every step. No DOM.
//
// B  sequences      S  steps      H  hidden units      GH  gates times H      K = 10  digits
"use strict";
(function (palingen) {
  const { CELLS, NUM_DIGITS: K } = palingen;

  /**
   * A network: its cell, sizes, and parameters by their names in a weights file.
   * @typedef {{cell: string, inputSize: number, hiddenSize: number, parameters: Object<string, Float32Array>}} Network
   */

  const NAMES = {
    weightIh: "recurrent.weight_ih", weightHh: "recurrent.weight_hh", bias: "recurrent.bias",
    headWeight: "head.weight", headBias: "head.bias",
    extra: (name) => `recurrent.extra_weights.${name}`, initial: (name) => `recurrent.initial_state.${name}`,
  };

  /** Shape of every parameter of a network without a learned initial state, by name. */
  function parameterShapes({ cell, inputSize: I, hiddenSize: H }) {
    const { gates, extra } = CELLS[cell], GH = gates.length * H;
    return {
      [NAMES.bias]: [GH], [NAMES.weightIh]: [GH, I], [NAMES.weightHh]: [GH, H],
      ...Object.fromEntries(extra.map((name) => [NAMES.extra(name), [H]])),
      [NAMES.headWeight]: [K, H], [NAMES.headBias]: [K],
    };
  }

  const extraWeights = ({ cell, parameters }) => CELLS[cell].extra.map((name) => parameters[NAMES.extra(name)]);

  /** W_x x + b for each digit [10 GH], which no step then has to compute. */
  function inputTable({ cell, inputSize, hiddenSize, parameters }) {
    const GH = CELLS[cell].gates.length * hiddenSize, bias = parameters[NAMES.bias], weight = parameters[NAMES.weightIh];
    const table = new bias.constructor(K * GH);
    for (let digit = 0; digit < K; digit++)
      for (let k = 0; k < GH; k++)
        table[digit * GH + k] = bias[k] + (inputSize === 1 ? digit * weight[k] : weight[k * inputSize + digit]);
    return table;
  }

  /**
   * Run a network over `B` sequences of digits [B S].
   *
   * With `tape`, the result has every step's gates [S B GH] and states [S + 1, B, H], the initial one first. Units where
   * `mask` [H] is 0 are switched off: their state is set to zero after every step. `onStep(t, h, c)` sees each state. States
   * are kept as `Floats`: of a trained network, which multiplies rounding errors, float32 leaves four or five digits.
   */
  function unroll(network, digits, B, S, { tape = false, mask = null, onStep = null, Floats = Float32Array } = {}) {
    const { cell, hiddenSize: H, parameters } = network, { gates: names, state, step } = CELLS[cell];
    const GH = names.length * H, BH = B * H, slots = tape ? S + 1 : 2;
    const history = state.map(() => new Floats(slots * BH)), weight = parameters[NAMES.weightHh];
    const gates = new Floats((tape ? S : 1) * B * GH), hn = cell === "gru" ? new Floats((tape ? S : 1) * BH) : null;
    const io = { x: inputTable(network), H, extra: extraWeights(network) };
    fillInitialState(network, history, B);
    let now = 0;
    for (let t = 0; t < S; t++) {
      const next = tape ? t + 1 : 1 - now, g = tape ? t * B * GH : 0;
      const [lastH, lastC] = history.map((part) => part.subarray(now * BH, (now + 1) * BH));
      const [h, c] = history.map((part) => part.subarray(next * BH, (next + 1) * BH));
      const at = { ...io, gates: gates.subarray(g, g + B * GH), lastH, lastC, h, c, hn };
      palingen.multiply(weight, lastH, at.gates, B, GH, H);
      for (let b = 0; b < B; b++) step(at, b * GH, digits[b * S + t] * GH, b * H, (tape ? t * BH : 0) + b * H);
      if (mask) for (const part of [h, c]) if (part) for (let i = 0; i < BH; i++) part[i] *= mask[i % H];
      onStep?.(t, h, c);
      now = next;
    }
    const final = history.map((part) => part.subarray(now * BH, (now + 1) * BH));
    return { h: history[0], c: history[1], gates, hn, final, logits: head(network, final[0], B) };
  }

  function fillInitialState({ cell, hiddenSize: H, parameters }, history, B) {
    CELLS[cell].state.forEach((name, i) => {
      const learned = parameters[NAMES.initial(name)];
      if (learned) for (let b = 0; b < B; b++) history[i].set(learned, b * H);
    });
  }

  /** Logits [B K] from hidden states [B H]. */
  function head({ hiddenSize: H, parameters }, h, B) {
    const logits = new h.constructor(B * K), bias = parameters[NAMES.headBias];
    palingen.multiply(parameters[NAMES.headWeight], h, logits, B, K, H);
    for (let i = 0; i < B * K; i++) logits[i] += bias[i % K];
    return logits;
  }

  /** Probabilities [B K] from logits. */
  function probabilities(logits) {
    const out = new logits.constructor(logits.length);
    for (let at = 0; at < logits.length; at += K) {
      const row = logits.subarray(at, at + K), max = row.reduce((a, b) => Math.max(a, b));
      let sum = 0;
      for (let k = 0; k < K; k++) sum += out[at + k] = Math.exp(row[k] - max);
      for (let k = 0; k < K; k++) out[at + k] /= sum;
    }
    return out;
  }

  /** Everything about one sequence: gates by name [S H], states by name [S H], and the answer at every step [S K]. */
  function readAlong(network, digits, mask = null) {
    const { hiddenSize: H, cell } = network, { gates: names, state } = CELLS[cell], S = digits.length;
    const run = unroll(network, digits, 1, S, { tape: true, mask, Floats: Float64Array }), gates = {}, states = {};
    for (const [i, name] of names.entries()) {
      gates[name] = new Float32Array(S * H);
      for (let t = 0; t < S; t++) gates[name].set(run.gates.subarray((t * names.length + i) * H, (t * names.length + i + 1) * H), t * H);
    }
    for (const name of state) states[name] = Float32Array.from(run[name].subarray(H));
    if (cell === "rnn") delete gates.h; // which is the state itself
    return { steps: S, gates, states, probabilities: Float32Array.from(probabilities(head(network, run.h.subarray(H), S))) };
  }

  /** Index of the largest of `K` numbers from `at`. */
  function argmax(values, at = 0) {
    let best = 0;
    for (let k = 1; k < K; k++) if (values[at + k] > values[at + best]) best = k;
    return best;
  }

  Object.assign(palingen, {
    NAMES, parameterShapes, extraWeights, inputTable, unroll, head, probabilities, readAlong, argmax,
  });
})((globalThis.palingen ??= {}));
