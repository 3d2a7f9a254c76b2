// Seeded random numbers. No DOM.
"use strict";
(function (palingen) {
  /** Uniform numbers from 0 to 1, determined by a seed (mulberry32). */
  function uniform(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  /** `count` standard normal numbers, determined by a seed (Box and Muller 1958). */
  function normal(count, seed) {
    const next = uniform(seed), out = new Float32Array(count);
    for (let i = 0; i < count; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(1 - next())), angle = 2 * Math.PI * next();
      out[i] = radius * Math.cos(angle);
      if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
    }
    return out;
  }

  /** A new seed, determined by the last one. */
  const nextSeed = (seed) => Math.floor(uniform(seed + 1)() * 1e6);

  Object.assign(palingen, { uniform, normal, nextSeed });
})((globalThis.palingen ??= {}));
