// Matrix products of a recurrent layer, four sequences at a time, so that each weight is loaded once for all of them.
//
// B  sequences      N  outputs      K  inputs; matrices are stored row by row. No DOM.
"use strict";
(function (palingen) {
  /** out [B N] = x [B K] times the transpose of weight [N K]; `add` adds to what `out` holds. */
  function multiply(weight, x, out, B, N, K, add = false) {
    if (!add) out.fill(0, 0, B * N);
    const blocks = N % 2 ? 0 : B - (B % 4);
    for (let b = 0; b < blocks; b += 4)
      for (let n = 0; n < N; n += 2) addBlock(weight, n * K, x, b * K, out, b * N + n, N, K);
    for (let b = blocks; b < B; b++) addRow(weight, x, b * K, out, b * N, N, K);
  }

  /** Two outputs of four sequences: eight sums that fit into registers, each number loaded once for several of them. */
  function addBlock(weight, w0, x, x0, out, at, N, K) {
    const w1 = w0 + K, x1 = x0 + K, x2 = x1 + K, x3 = x2 + K;
    let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
    for (let k = 0; k < K; k++) {
      const u = weight[w0 + k], v = weight[w1 + k], p = x[x0 + k], q = x[x1 + k], r = x[x2 + k], s = x[x3 + k];
      a0 += u * p; a1 += u * q; a2 += u * r; a3 += u * s;
      b0 += v * p; b1 += v * q; b2 += v * r; b3 += v * s;
    }
    out[at] += a0; out[at + N] += a1; out[at + 2 * N] += a2; out[at + 3 * N] += a3;
    out[at + 1] += b0; out[at + N + 1] += b1; out[at + 2 * N + 1] += b2; out[at + 3 * N + 1] += b3;
  }

  function addRow(weight, x, start, out, at, N, K) {
    for (let n = 0, w = 0; n < N; n++, w += K) {
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0, k = 0;
      for (; k + 4 <= K; k += 4) { // four sums, since each addition to a single one would wait for the last
        s0 += weight[w + k] * x[start + k]; s1 += weight[w + k + 1] * x[start + k + 1];
        s2 += weight[w + k + 2] * x[start + k + 2]; s3 += weight[w + k + 3] * x[start + k + 3];
      }
      for (; k < K; k++) s0 += weight[w + k] * x[start + k];
      out[at + n] += s0 + s1 + s2 + s3;
    }
  }

  /** grad [N K] += the transpose of g [B N] times x [B K]: the gradient of a weight. */
  function addOuter(g, x, grad, B, N, K) {
    let b = 0;
    for (; b + 4 <= B; b += 4) {
      const x0 = b * K, x1 = x0 + K, x2 = x1 + K, x3 = x2 + K;
      for (let n = 0, w = 0; n < N; n++) {
        const at = b * N + n, g0 = g[at], g1 = g[at + N], g2 = g[at + 2 * N], g3 = g[at + 3 * N];
        for (let k = 0; k < K; k++, w++) grad[w] += g0 * x[x0 + k] + g1 * x[x1 + k] + g2 * x[x2 + k] + g3 * x[x3 + k];
      }
    }
    for (; b < B; b++)
      for (let n = 0, w = 0; n < N; n++) {
        const v = g[b * N + n];
        for (let k = 0; k < K; k++, w++) grad[w] += v * x[b * K + k];
      }
  }

  /** The transpose [K N] of a matrix [N K]. */
  function transpose(matrix, N, K) {
    const out = new matrix.constructor(N * K);
    for (let n = 0; n < N; n++) for (let k = 0; k < K; k++) out[k * N + n] = matrix[n * K + k];
    return out;
  }

  Object.assign(palingen, { multiply, addOuter, transpose });
})((globalThis.palingen ??= {}));
