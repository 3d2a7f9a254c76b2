// Latent space: seeded samples, interpolation, planes and directions. No DOM.
//
// Z  latent dimensions      K  classes; a generator input is Z latents, then K class weights if it is class-conditional
"use strict";
(function (palingen) {
  /** `count` inputs of a seed, latents times `truncation`; of one class, or of all in turn if `digit` is -1. */
  function sampleInputs(count, seed, truncation, latentDim, numClasses, digit) {
    const values = palingen.normal(count * latentDim, seed);
    return Array.from({ length: count }, (_, i) => {
      const input = new Float32Array(latentDim + numClasses);
      for (let k = 0; k < latentDim; k++) input[k] = truncation * values[i * latentDim + k];
      if (numClasses) input[latentDim + (digit < 0 ? i % numClasses : digit)] = 1;
      return palingen.quantize(input);
    });
  }

  const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
  const norm = (a) => Math.sqrt(dot(a, a));

  /** Linear interpolation from a to b. */
  const lerp = (a, b, t) => a.map((v, i) => (1 - t) * v + t * b[i]);

  /** Spherical interpolation from a to b (Shoemake 1985); linear if they have the same or opposite directions. */
  function slerp(a, b, t) {
    const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b) / (norm(a) * norm(b)))));
    if (!(Math.sin(angle) >= 1e-6)) return lerp(a, b, t);
    const weightA = Math.sin((1 - t) * angle) / Math.sin(angle), weightB = Math.sin(t * angle) / Math.sin(angle);
    return a.map((v, i) => weightA * v + weightB * b[i]);
  }

  /** An input between two: latents by linear or spherical interpolation, class weights by linear interpolation. */
  function interpolate(a, b, t, latentDim, interpolation) {
    const point = lerp(a, b, t);
    if (interpolation === "spherical") point.set(slerp(a.slice(0, latentDim), b.slice(0, latentDim), t));
    return point;
  }

  /** Positions (x, y) of the pins A, B and C on the latent plane, from 0 to 1 rightward and downward. */
  const PIN_POSITIONS = [[0.16, 0.84], [0.84, 0.84], [0.5, 0.16]];

  /** The input at (x, y) of the plane through three pins; the norm of the latents is interpolated too. */
  function planeThroughPins(pins, x, y, latentDim) {
    const [[ax, ay], [bx, by], [cx, cy]] = PIN_POSITIONS;
    const area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy);
    const a = ((by - cy) * (x - cx) + (cx - bx) * (y - cy)) / area;
    const b = ((cy - ay) * (x - cx) + (ax - cx) * (y - cy)) / area;
    const weights = [a, b, 1 - a - b]; // barycentric coordinates
    const point = pins[0].map((_, i) => weights.reduce((sum, weight, pin) => sum + weight * pins[pin][i], 0));
    const norms = pins.map((pin) => norm(pin.subarray(0, latentDim)));
    const target = Math.max(0.5 * Math.min(...norms), dot(weights, norms));
    const factor = target / (norm(point.subarray(0, latentDim)) || 1);
    for (let i = 0; i < latentDim; i++) point[i] *= factor;
    return point;
  }

  /** The input at (x, y) of the plane through `input` along two orthogonal unit vectors, whose coordinates go from -3 to 3. */
  function planeAlong(input, horizontal, vertical, x, y) {
    const point = input.slice(), extent = 3;
    const right = (2 * x - 1) * extent - dot(horizontal, input), up = (1 - 2 * y) * extent - dot(vertical, input);
    for (let i = 0; i < horizontal.length; i++) point[i] += right * horizontal[i] + up * vertical[i];
    return point;
  }

  /** An input moved along unit vectors by the given distances. */
  function moveAlong(input, directions, distances) {
    const point = input.slice();
    directions.forEach((direction, k) => {
      for (let i = 0; i < direction.length; i++) point[i] += distances[k] * direction[i];
    });
    return point;
  }

  Object.assign(palingen, {
    sampleInputs, lerp, slerp, interpolate, PIN_POSITIONS, planeThroughPins, planeAlong, moveAlong,
  });
})((globalThis.palingen ??= {}));
