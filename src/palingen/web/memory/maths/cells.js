// Recurrent cells: the step of each and its gradient, for one sequence, as in palingen.recurrence.cells. No DOM.
//
// H  hidden units      GH  gates times H, stacked in the order of `gates`
//
// A step reads the recurrent products p (at `g` in `gates`, replaced by the gates' values), the input projections x (at
// `d`, bias included) and the last state (at `s`), and writes the next state. A gradient reads dh and dc, the gradients of
// the new state, and writes those of p (into dp) and x (into dx), and into dh and dc what reaches the last state directly.
"use strict";
(function (palingen) {
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const tanh = (x) => 1 - 2 / (Math.exp(2 * x) + 1);

  const rnn = {
    gates: ["h"], state: ["h"], extra: [], forgetGate: null,
    step({ gates, x, h, H }, g, d, s) {
      for (let j = 0; j < H; j++) h[s + j] = gates[g + j] = tanh(gates[g + j] + x[d + j]);
    },
    gradient({ gates, dh, dp, dx, H }, g, s, _, at) {
      for (let j = 0; j < H; j++) {
        dp[at + j] = dx[at + j] = dh[s + j] * (1 - gates[g + j] ** 2);
        dh[s + j] = 0;
      }
    },
  };

  /** LSTM, equations (1) to (6) of the report; with peepholes if the cell has their weights. */
  const lstmStep = ({ gates, x, h, c, lastC, H, extra: [pi, pf, po] }, g, d, s) => {
    for (let j = 0; j < H; j++) {
      const I = g + j, F = I + H, G = F + H, O = G + H, D = d + j, before = lastC[s + j];
      const i = gates[I] = sigmoid(gates[I] + x[D] + (pi ? pi[j] * before : 0));
      const f = gates[F] = sigmoid(gates[F] + x[D + H] + (pf ? pf[j] * before : 0));
      const candidate = gates[G] = tanh(gates[G] + x[D + 2 * H]);
      const memory = candidate * i + before * f;
      const o = gates[O] = sigmoid(gates[O] + x[D + 3 * H] + (po ? po[j] * memory : 0));
      c[s + j] = memory;
      h[s + j] = tanh(memory) * o;
    }
  };

  const lstmGradient = ({ gates, c, lastC, dh, dc, dp, dx, H, extra: [pi, pf, po], extraGrads }, g, s, last, at) => {
    for (let j = 0; j < H; j++) {
      const i = gates[g + j], f = gates[g + H + j], candidate = gates[g + 2 * H + j], o = gates[g + 3 * H + j];
      const memory = c[last.now + s + j], before = lastC[last.before + s + j], squashed = tanh(memory);
      const dO = dh[s + j] * squashed * o * (1 - o);
      const dC = dc[s + j] + dh[s + j] * o * (1 - squashed ** 2) + (po ? po[j] * dO : 0);
      last.memory[s + j] = dC;
      const dI = dC * candidate * i * (1 - i), dF = dC * before * f * (1 - f);
      dp[at + j] = dx[at + j] = dI;
      dp[at + H + j] = dx[at + H + j] = dF;
      dp[at + 2 * H + j] = dx[at + 2 * H + j] = dC * i * (1 - candidate ** 2);
      dp[at + 3 * H + j] = dx[at + 3 * H + j] = dO;
      dc[s + j] = dC * f + (pi ? pi[j] * dI + pf[j] * dF : 0);
      dh[s + j] = 0;
      if (!pi) continue;
      extraGrads[0][j] += dI * before;
      extraGrads[1][j] += dF * before;
      extraGrads[2][j] += dO * memory;
    }
  };

  const lstm = {
    gates: ["i", "f", "g", "o"], state: ["h", "c"], extra: [], forgetGate: "f", step: lstmStep, gradient: lstmGradient,
  };

  const peephole = { ...lstm, extra: ["p_i", "p_f", "p_o"] };

  const gru = {
    gates: ["r", "z", "n"], state: ["h"], extra: ["b_hn"], forgetGate: "z",
    step({ gates, x, h, lastH, hn, H, extra: [bias] }, g, d, s, n) {
      for (let j = 0; j < H; j++) {
        const R = g + j, Z = R + H, N = Z + H, D = d + j;
        const r = gates[R] = sigmoid(gates[R] + x[D]), z = gates[Z] = sigmoid(gates[Z] + x[D + H]);
        const product = hn[n + j] = gates[N] + bias[j];
        const candidate = gates[N] = tanh(x[D + 2 * H] + r * product);
        h[s + j] = (1 - z) * candidate + z * lastH[s + j];
      }
    },
    gradient({ gates, lastH, hn, dh, dp, dx, H, extraGrads: [biasGrad] }, g, s, last, at) {
      for (let j = 0; j < H; j++) {
        const r = gates[g + j], z = gates[g + H + j], candidate = gates[g + 2 * H + j], v = dh[s + j];
        const dN = v * (1 - z) * (1 - candidate ** 2), before = lastH[last.before + s + j];
        dp[at + j] = dx[at + j] = dN * hn[last.product + s + j] * r * (1 - r);
        dp[at + H + j] = dx[at + H + j] = v * (before - candidate) * z * (1 - z);
        dx[at + 2 * H + j] = dN;
        dp[at + 2 * H + j] = dN * r;
        biasGrad[j] += dN * r;
        dh[s + j] = v * z;
      }
    },
  };

  Object.assign(palingen, { CELLS: { rnn, lstm, gru, peephole } });
})((globalThis.palingen ??= {}));
