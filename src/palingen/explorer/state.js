// What a view is, as the hash of a link. No DOM.
"use strict";
(function (palingen) {
  /** The fields of a view: what to say where a link does not, and how to read it. */
  const FIELDS = {
    m: { initial: 0, read: whole }, // model
    seed: { initial: 0, read: whole },
    cut: { initial: 1, read: number }, // what samples are multiplied by
    k: { initial: -1, read: number }, // class asked for; -1 for any
    z: { initial: null, read: text }, // your digit, packed; null for one of the samples
    a: { initial: null, read: text }, // pins, likewise
    b: { initial: null, read: text },
    c: { initial: null, read: text },
    walk: { initial: "spherical", read: oneOf("spherical", "linear") },
    t: { initial: 0.5, read: number }, // place between A and B
    plane: { initial: "pins", read: oneOf("pins", "principal") },
    x: { initial: 0.5, read: number }, // place on the map
    y: { initial: 0.5, read: number },
    s: { initial: "", read: text }, // sliders, in tenths, with dots between
    f: { initial: -1, read: number }, // frame of the training; -1 for the last
  };

  function number(word) { return Number.isFinite(Number(word)) && word !== "" ? Number(word) : undefined; }
  function whole(word) { return /^\d{1,9}$/.test(word) ? Number(word) : undefined; }
  function text(word) { return /^[-\w.]*$/.test(word) ? word : undefined; }
  function oneOf(...words) { return (word) => (words.includes(word) ? word : undefined); }

  /** The view that a hash holds; what it does not say, or says wrongly, is as at first. */
  function parseView(hash) {
    const said = new URLSearchParams(hash.replace(/^#/, "")), view = {};
    for (const [name, { initial, read }] of Object.entries(FIELDS)) {
      const word = said.get(name);
      view[name] = (word === null ? undefined : read(word)) ?? initial;
    }
    return view;
  }

  /** The shortest hash that holds a view. */
  function formatView(view) {
    const said = new URLSearchParams();
    for (const [name, { initial }] of Object.entries(FIELDS)) {
      const value = view[name];
      if (value === initial) continue;
      said.set(name, typeof value === "number" ? String(Math.round(value * 1e4) / 1e4) : value);
    }
    return said.size ? `#${said}` : "";
  }

  Object.assign(palingen, { parseView, formatView });
})((globalThis.palingen ??= {}));
