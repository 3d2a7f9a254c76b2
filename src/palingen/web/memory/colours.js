// Colours of plots and heat maps, from the style sheet, in the theme that is set.
"use strict";
(function (palingen) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let cache = new Map();

  /** Value of a colour of the style sheet, as in colour("lstm"). */
  function colour(name) {
    if (!cache.has(name)) cache.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
    return cache.get(name);
  }

  const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.length === 4 ? hex[(at + 1) / 2].repeat(2) : hex.slice(at, at + 2), 16));

  function gradient(stops) {
    const table = new Uint8ClampedArray(256 * 3), colours = stops.map((name) => channels(colour(name)));
    for (let i = 0; i < 256; i++) {
      const at = (i / 255) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2), t = at - low;
      for (let k = 0; k < 3; k++) table[3 * i + k] = (1 - t) * colours[low][k] + t * colours[low + 1][k];
    }
    return table;
  }

  /** 256 colours [256 3]: from 0 to 1 ("sequential"), or from -1 over 0 to 1 ("diverging"). */
  function palette(kind) {
    const key = `palette ${kind}`;
    if (!cache.has(key)) cache.set(key, gradient(kind === "diverging" ? ["heat-low", "heat-zero", "heat-high"] : ["heat-zero", "heat-high"]));
    return cache.get(key);
  }

  const listeners = [];
  dark.addEventListener("change", () => {
    cache = new Map();
    for (const listener of listeners) listener();
  });

  palingen.memory = { colour, palette, onTheme: (listener) => listeners.push(listener), panels: [] };
})(globalThis.palingen);
