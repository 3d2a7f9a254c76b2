// Measurements of a network over many palindromes: accuracy, units that hold the first digit, runs that part. No DOM.
//
// B  sequences      S  steps      H  hidden units      K = 10  digits
"use strict";
(function (palingen) {
  const { CELLS, NUM_DIGITS: K } = palingen;

  /** Number of right answers on `count` sequences [count S]. */
  function countCorrect(network, inputs, targets, count, steps, mask = null) {
    const { logits } = palingen.unroll(network, inputs, count, steps, { mask });
    let correct = 0;
    for (let b = 0; b < count; b++) correct += palingen.argmax(logits, b * K) === targets[b];
    return correct;
  }

  /** Interval that contains a proportion with 95 % confidence (Wilson 1927). */
  function wilsonInterval(correct, count) {
    const z = 1.96, p = correct / count, centre = p + z ** 2 / (2 * count);
    const spread = z * Math.sqrt((p * (1 - p)) / count + z ** 2 / (4 * count ** 2)), size = 1 + z ** 2 / count;
    return [Math.max(0, (centre - spread) / size), Math.min(1, (centre + spread) / size)];
  }

  /** Accuracy on palindromes that no training here reads, `atOnce` at a time: yields { correct, count } so far. */
  function* freshAccuracy(network, { length, count, seed, mask = null, atOnce = 20 }) {
    const next = palingen.uniform(seed);
    for (let correct = 0, done = 0; done < count;) {
      const batch = palingen.samplePalindromes(Math.min(atOnce, count - done), length, next, "test");
      correct += countCorrect(network, batch.inputs, batch.targets, batch.count, batch.steps, mask);
      done += batch.count;
      yield { correct, count: done };
    }
  }

  /**
   * For every step and unit, how much of the first digit can be read from the unit [S H], from 0 to 1: the part of its
   * variance over random palindromes that lies between the first digits (eta squared, corrected for chance). The unit's
   * state is its memory c, or h where a cell has none.
   */
  function firstDigitScores(network, { length, seed, perDigit = 30 }) {
    const { hiddenSize: H, cell } = network, B = K * perDigit, S = length - 1, usesMemory = CELLS[cell].state.includes("c");
    const { inputs } = palingen.samplePalindromes(B, length, palingen.uniform(seed));
    for (let b = 0; b < B; b++) inputs[b * S] = b % K; // as many of each; whatever mirrors it is read only at the end
    const scores = new Float32Array(S * H);
    palingen.unroll(network, inputs, B, S, {
      onStep: (t, h, c) => scoreStep(usesMemory ? c : h, B, H, scores.subarray(t * H, (t + 1) * H)),
    });
    return scores;
  }

  function scoreStep(values, B, H, out) {
    const perDigit = B / K;
    for (let j = 0; j < H; j++) {
      const sums = new Float64Array(K);
      let total = 0, square = 0;
      for (let b = 0; b < B; b++) {
        const v = values[b * H + j];
        sums[b % K] += v;
        total += v;
        square += v * v;
      }
      const all = square - total ** 2 / B;
      const between = sums.reduce((sum, v) => sum + v ** 2 / perDigit, 0) - total ** 2 / B;
      const chance = (K - 1) / (B - 1); // expected of a unit that knows nothing
      out[j] = all > 1e-12 * B ? Math.max(0, (between / all - chance) / (1 - chance)) : 0;
    }
  }

  /** Distance between the states of two runs at every step [S], over the sum of their norms: 0 if equal, 1 if opposite. */
  function stateDistances(first, second, H) {
    return Object.fromEntries(Object.entries(first.states).map(([name, values]) => [
      name,
      Float32Array.from({ length: first.steps }, (_, t) => {
        let apart = 0, one = 0, other = 0;
        for (let i = t * H; i < (t + 1) * H; i++) {
          const a = values[i], b = second.states[name][i];
          apart += (a - b) ** 2;
          one += a * a;
          other += b * b;
        }
        return Math.sqrt(apart) / (Math.sqrt(one) + Math.sqrt(other) || 1);
      }),
    ]));
  }

  /** Gradient norm at every step [S], averaged over random palindromes: of the memory c, or of h where there is none. */
  function gradientByStep(network, { length, seed, count = 16 }) {
    const batch = palingen.samplePalindromes(count, length, palingen.uniform(seed));
    const { norms } = palingen.lossAndGradients(network, batch);
    return norms.c ?? norms.h;
  }

  Object.assign(palingen, {
    countCorrect, wilsonInterval, freshAccuracy, firstDigitScores, stateDistances, gradientByStep,
  });
})((globalThis.palingen ??= {}));
