// The memory page's view as the hash of a link, and training settings as text for it. No DOM.
"use strict";
(function (palingen) {
  const integer = (low, high) => (text) => (/^\d{1,9}$/.test(text) && Number(text) >= low && Number(text) <= high ? Number(text) : undefined);
  const choice = (...choices) => (text) => (choices.includes(text) ? text : undefined);
  const pattern = (expression) => (text) => (expression.test(text) ? text : undefined);

  /** Fields of the view: the value where a link has none, and how to parse one. */
  const FIELDS = {
    tab: { initial: null, parse: choice("memory") }, // null on a page without tabs
    net: { initial: null, parse: pattern(/^[-\w.]{1,60}$/) }, // name of the network; null for the first one
    length: { initial: null, parse: integer(5, 1000) }, // of the palindrome; null for the network's own
    seed: { initial: 0, parse: integer(0, 999999999) },
    half: { initial: "", parse: pattern(/^\d{0,500}$/) }, // typed first half; the seed gives the digits that it leaves open
    step: { initial: null, parse: integer(1, 999) }, // null for the last
    sort: { initial: "first", parse: choice("first", "forget", "now", "index") },
    position: { initial: 1, parse: integer(1, 999) }, // of the digit that is changed
    replacement: { initial: null, parse: integer(0, 9) }, // null for the next digit
    off: { initial: "", parse: pattern(/^\d{1,3}(\.\d{1,3})*$/) }, // units that are switched off, separated by dots
    reach: { initial: null, parse: integer(5, 1000) }, // length at which the accuracy is measured; null for the network's own
    stage: { initial: null, parse: integer(0, 99) }, // of the training; null for the last
    family: { initial: null, parse: pattern(/^[-\w.]{1,60}$/) }, // networks side by side; null for those like `net`
    race: { initial: 0, parse: integer(0, 1) },
    a: { initial: "", parse: pattern(/^[-\w.]{1,99}$/) }, // settings of the trainings, packed
    b: { initial: "", parse: pattern(/^[-\w.]{1,99}$/) },
  };

  /** View from a hash; missing or invalid fields get their initial values. */
  function parseView(hash) {
    const values = new URLSearchParams(hash.replace(/^#/, "")), state = {};
    for (const [name, { initial, parse }] of Object.entries(FIELDS)) {
      const text = values.get(name);
      state[name] = (text === null ? undefined : parse(text)) ?? initial;
    }
    return state;
  }

  /** The shortest hash of a view. */
  function formatView(state) {
    const values = new URLSearchParams();
    for (const [name, { initial }] of Object.entries(FIELDS))
      if (state[name] !== initial) values.set(name, String(state[name]));
    return values.size ? `#${values}` : "";
  }

  const number = (low, high) => (text) => (text !== "" && Number(text) >= low && Number(text) <= high ? Number(text) : undefined);

  /** Settings of a training, in the order in which a link holds them: default, and how to parse. */
  const SETTINGS = {
    cell: { initial: "lstm", parse: choice("rnn", "lstm", "gru", "peephole") },
    length: { initial: 5, parse: integer(5, 30) },
    hiddenSize: { initial: 32, parse: integer(8, 64) },
    optimizer: { initial: "adam", parse: choice("adam", "rmsprop") },
    learningRate: { initial: 0.01, parse: number(1e-5, 1) },
    maxGradNorm: { initial: 1, parse: number(0.01, 1000) },
    forgetBias: { initial: 1, parse: number(-5, 10) },
    curriculum: { initial: 0, parse: integer(0, 1) },
    inputSize: { initial: 10, parse: (text) => (text === "1" || text === "10" ? Number(text) : undefined) },
    batchSize: { initial: 64, parse: integer(1, 512) },
    steps: { initial: 2000, parse: integer(10, 20000) },
    seed: { initial: 0, parse: integer(0, 999999) },
  };

  /** Training settings from text or from an object; missing or invalid values get their defaults. */
  function parseSettings(source, defaults = {}) {
    const parts = typeof source === "string" ? source.split("_") : null, settings = {};
    Object.entries(SETTINGS).forEach(([name, { initial, parse }], i) => {
      const text = parts ? parts[i] : source[name];
      settings[name] = (text === undefined ? undefined : parse(String(text))) ?? defaults[name] ?? initial;
    });
    return settings;
  }

  /** Training settings as text for a link. */
  const formatSettings = (settings) => Object.keys(SETTINGS).map((name) => settings[name]).join("_");

  Object.assign(palingen, { parseView, formatView, parseSettings, formatSettings });
})((globalThis.palingen ??= {}));
