// The view's state as the hash of a link, and generator inputs as text for it. No DOM.
"use strict";
(function (palingen) {
  /** Fields of the state: the value where a link has none, and how to parse one. */
  const FIELDS = {
    tab: { initial: null, parse: parseChoice("digits") }, // null on a page without tabs
    model: { initial: 0, parse: parseInteger },
    seed: { initial: 0, parse: parseInteger },
    truncation: { initial: 1, parse: parseNumber }, // factor of the latents of the samples
    digit: { initial: -1, parse: parseNumber }, // class of the samples; -1 for all in turn
    z: { initial: null, parse: parseText }, // input of the current digit, packed; null for one of the samples
    a: { initial: null, parse: parseText }, // inputs of the pins
    b: { initial: null, parse: parseText },
    c: { initial: null, parse: parseText },
    interpolation: { initial: "spherical", parse: parseChoice("spherical", "linear") },
    t: { initial: 0.5, parse: parseNumber }, // fraction of the way from A to B
    plane: { initial: "pins", parse: parseChoice("pins", "principal") },
    x: { initial: 0.5, parse: parseNumber }, // position on the plane
    y: { initial: 0.5, parse: parseNumber },
    directions: { initial: "", parse: parseText }, // distances in tenths, separated by dots
    snapshot: { initial: -1, parse: parseNumber }, // -1 for the last
  };

  function parseNumber(text) { return Number.isFinite(Number(text)) && text !== "" ? Number(text) : undefined; }
  function parseInteger(text) { return /^\d{1,9}$/.test(text) ? Number(text) : undefined; }
  function parseText(text) { return /^[-\w.]*$/.test(text) ? text : undefined; }
  function parseChoice(...choices) { return (text) => (choices.includes(text) ? text : undefined); }

  /** State from a hash; missing or invalid fields get their initial values. */
  function parseState(hash) {
    const values = new URLSearchParams(hash.replace(/^#/, "")), state = {};
    for (const [name, { initial, parse }] of Object.entries(FIELDS)) {
      const text = values.get(name);
      state[name] = (text === null ? undefined : parse(text)) ?? initial;
    }
    return state;
  }

  /** The shortest hash of a state. */
  function formatState(state) {
    const values = new URLSearchParams();
    for (const [name, { initial }] of Object.entries(FIELDS)) {
      const value = state[name];
      if (value === initial) continue;
      values.set(name, typeof value === "number" ? String(Math.round(value * 1e4) / 1e4) : value);
    }
    return values.size ? `#${values}` : "";
  }

  /** A generator input as URL-safe base64: one signed byte a number, in steps of 1/32. */
  function packInput(input) {
    let bytes = "";
    for (const v of input) bytes += String.fromCharCode(Math.max(-127, Math.min(127, Math.round(v * 32))) & 255);
    return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  }

  /** A generator input from text; null if the text is not one of `size` numbers. */
  function unpackInput(text, size) {
    try {
      const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
      if (bytes.length !== size) return null;
      return Float32Array.from(bytes, (byte) => ((byte.charCodeAt(0) << 24) >> 24) / 32);
    } catch {
      return null;
    }
  }

  /** The nearest input that a link can hold. */
  const quantize = (input) => unpackInput(packInput(input), input.length);

  Object.assign(palingen, { parseState, formatState, packInput, unpackInput, quantize });
})((globalThis.palingen ??= {}));
