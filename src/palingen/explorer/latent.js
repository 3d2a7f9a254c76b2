// Latent space: seeded noise, walks, planes, and the search for the latents of a given picture. No DOM.
//
// Z  latent dimensions      an input is Z latents, then K shares of the classes if the generator asks for one
"use strict";
(function (palingen) {
  /** Uniform numbers in 0 to 1 from a seed (mulberry32). */
  function uniform(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  /** `count` independent standard normal numbers, the same for the same seed (Box and Muller 1958). */
  function noise(count, seed) {
    const next = uniform(seed), out = new Float32Array(count);
    for (let i = 0; i < count; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(1 - next())), angle = 2 * Math.PI * next();
      out[i] = radius * Math.cos(angle);
      if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
    }
    return out;
  }

  const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
  const norm = (a) => Math.sqrt(dot(a, a));
  const lerp = (a, b, t) => a.map((v, i) => (1 - t) * v + t * b[i]);

  /** The arc from a to b (Shoemake 1985); the straight line where the two point the same or opposite ways. */
  function slerp(a, b, t) {
    const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b) / (norm(a) * norm(b)))));
    if (!(Math.sin(angle) >= 1e-6)) return lerp(a, b, t);
    const one = Math.sin((1 - t) * angle) / Math.sin(angle), other = Math.sin(t * angle) / Math.sin(angle);
    return a.map((v, i) => one * v + other * b[i]);
  }

  /** A point between two inputs: latents by the walk, class shares along the line. */
  function between(a, b, t, latentDim, walk) {
    const point = lerp(a, b, t);
    if (walk === "spherical") point.set(slerp(a.slice(0, latentDim), b.slice(0, latentDim), t));
    return point;
  }

  /** Where the three pins stand on the map, across and down. */
  const CORNERS = [[0.16, 0.84], [0.84, 0.84], [0.5, 0.16]];

  /** The point (across, down) of the plane through three inputs; latents keep the length that the three have. */
  function throughPins(pins, across, down, latentDim) {
    const [[ax, ay], [bx, by], [cx, cy]] = CORNERS;
    const whole = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy);
    const a = ((by - cy) * (across - cx) + (cx - bx) * (down - cy)) / whole;
    const b = ((cy - ay) * (across - cx) + (ax - cx) * (down - cy)) / whole;
    const shares = [a, b, 1 - a - b];
    const point = pins[0].map((_, i) => shares.reduce((sum, share, pin) => sum + share * pins[pin][i], 0));
    const lengths = pins.map((pin) => norm(pin.subarray(0, latentDim)));
    const length = Math.max(0.5 * Math.min(...lengths), dot(shares, lengths));
    const factor = length / (norm(point.subarray(0, latentDim)) || 1);
    for (let i = 0; i < latentDim; i++) point[i] *= factor;
    return point;
  }

  /** The point (across, down) of the plane through an input along two unit directions, 3 each way from 0. */
  function alongPrincipal(input, one, other, across, down, reach = 3) {
    const point = input.slice(), x = (2 * across - 1) * reach, y = (1 - 2 * down) * reach;
    const s = x - dot(one, input), t = y - dot(other, input);
    for (let i = 0; i < one.length; i++) point[i] += s * one[i] + t * other[i];
    return point;
  }

  /** `count` inputs of a seed, latents times `cut`, of one class or (-1) of any in turn, as a link can say them. */
  function samples(count, seed, cut, latentDim, classes, wanted) {
    const values = noise(count * latentDim, seed);
    return Array.from({ length: count }, (_, i) => {
      const input = new Float32Array(latentDim + classes);
      for (let k = 0; k < latentDim; k++) input[k] = cut * values[i * latentDim + k];
      if (classes) input[latentDim + (wanted < 0 ? i % classes : wanted)] = 1;
      return rounded(input);
    });
  }

  /** Another seed, the same one after the same one. */
  const next = (seed) => Math.floor(uniform(seed + 1)() * 1e6);

  /** An input moved by so many steps along each of some unit directions. */
  function along(input, directions, steps) {
    const point = input.slice();
    directions.forEach((direction, k) => { for (let i = 0; i < direction.length; i++) point[i] += steps[k] * direction[i]; });
    return point;
  }

  /** Where the ink of a square RGBA picture is: its size, and its centre of mass; null without ink. */
  function inkBox(rgba, side) {
    let [left, right, top, bottom, mass, x, y] = [side, -1, side, -1, 0, 0, 0];
    for (let k = 0; k < side * side; k++) {
      const ink = rgba[4 * k + 3], column = k % side, row = Math.floor(k / side);
      if (ink < 32) continue;
      left = Math.min(left, column); right = Math.max(right, column);
      top = Math.min(top, row); bottom = Math.max(bottom, row);
      mass += ink; x += ink * column; y += ink * row;
    }
    return mass ? { width: right - left + 1, height: bottom - top + 1, x: x / mass, y: y / mass } : null;
  }

  /** Inputs as text for a link: one signed byte a number, 32 steps a unit. */
  function pack(input) {
    let raw = "";
    for (const v of input) raw += String.fromCharCode(Math.max(-127, Math.min(127, Math.round(v * 32))) & 255);
    return btoa(raw).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  }

  /** Inputs from such a text; null if it is none of that length. */
  function unpack(text, length) {
    try {
      const raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
      if (raw.length !== length) return null;
      return Float32Array.from(raw, (letter) => ((letter.charCodeAt(0) << 24) >> 24) / 32);
    } catch {
      return null;
    }
  }

  /** The nearest that a link can say. */
  const rounded = (input) => unpack(pack(input), input.length);

  /** The index of the nearest of many pictures, and its root mean square difference in grey levels from 0 to 1. */
  function nearest(picture, pictures) {
    const size = picture.length;
    let best = Infinity, index = 0;
    for (let at = 0; at < pictures.length; at += size) {
      let sum = 0;
      for (let i = 0; i < size && sum < best; i++) sum += (picture[i] - pictures[at + i]) ** 2;
      if (sum < best) [best, index] = [sum, at / size];
    }
    return { index, distance: Math.sqrt(best / size) / 255 };
  }

  /** What makes far-off latents dear, beside the mean square difference of pixels in -1 to 1. */
  const PRIOR = 0.002;

  /**
   * Look for the latents of a picture: Adam from several starts, the best of which goes on.
   * `target` holds pixels in -1 to 1; `starts` are inputs, one after another; class shares stay as they are.
   * Yields { step, steps, input, loss } after every step; `loss` is the mean square difference of pixels.
   */
  function* search(network, target, starts, latentDim, { steps = 100, rate = 0.08, early = 25 } = {}) {
    const width = network.inputs, size = target.length;
    let inputs = starts.slice(), n = inputs.length / width;
    let mean = new Float32Array(inputs.length), square = new Float32Array(inputs.length);
    let best = { loss: Infinity, input: null };
    for (let step = 1; step <= steps; step++) {
      const tape = [], images = palingen.forward(network, inputs, n, tape);
      const gradient = images.map((v, i) => (2 * (v - target[i % size])) / size);
      const losses = Array.from({ length: n }, (_, k) => {
        let sum = 0;
        for (let i = 0; i < size; i++) sum += (images[k * size + i] - target[i]) ** 2;
        return sum / size;
      });
      const leader = losses.indexOf(Math.min(...losses));
      if (losses[leader] < best.loss) best = { loss: losses[leader], input: inputs.slice(leader * width, (leader + 1) * width) };
      yield { step, steps, ...best };
      const g = palingen.back(network, tape, gradient, n), now = rate * (1 - (step - 1) / steps);
      for (let i = 0; i < inputs.length; i++) {
        if (i % width >= latentDim) continue;
        const slope = g[i] + (2 * PRIOR * inputs[i]) / latentDim;
        mean[i] = 0.9 * mean[i] + 0.1 * slope;
        square[i] = 0.99 * square[i] + 0.01 * slope * slope;
        inputs[i] -= (now * mean[i] / (1 - 0.9 ** step)) / (Math.sqrt(square[i] / (1 - 0.99 ** step)) + 1e-8);
      }
      if (step === early && n > 1) {
        const keep = (a) => a.slice(leader * width, (leader + 1) * width);
        [inputs, mean, square, n] = [keep(inputs), keep(mean), keep(square), 1];
      }
    }
  }

  Object.assign(palingen, {
    uniform, noise, dot, norm, lerp, slerp, between, samples, next, along, inkBox, CORNERS, throughPins, alongPrincipal, pack, unpack, rounded,
    nearest, search,
  });
})((globalThis.palingen ??= {}));
