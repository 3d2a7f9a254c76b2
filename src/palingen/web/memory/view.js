// The view: its state, which a link holds, and what follows from it: network, palindrome, and the reading of it.
"use strict";
(function (palingen) {
  const { memory } = palingen;
  const MAX_LENGTH = 1000;

  const store = palingen.createStore("memory", palingen.parseView, palingen.formatView);
  const { state, subscribe } = store;

  const current = () => memory.find(state.net);
  const length = () => state.length ?? current().config.length;

  /** The palindrome: the typed first half as far as it goes, then the digits of the seed. */
  function palindrome() {
    const next = palingen.uniform(state.seed + 1), count = length();
    const half = Array.from({ length: Math.ceil(count / 2) }, () => Math.floor(10 * next()));
    for (let i = 0; i < Math.min(half.length, state.half.length); i++) half[i] = Number(state.half[i]);
    return palingen.mirror(half, count);
  }

  /** Digits that are read: all but the last. */
  const inputs = () => palindrome().subarray(0, length() - 1);

  /** Step of the cursor, from 0. */
  const step = () => Math.min(state.step ?? Infinity, length() - 1) - 1;

  /** The reading of the palindrome by the final network, computed once for each palindrome and network. */
  let cached = { key: null, reading: null };
  function reading() {
    const digits = inputs(), key = `${digits.join("")} ${state.net}`;
    if (cached.key !== key || cached.entry !== current())
      cached = { key, entry: current(), reading: palingen.readAlong(memory.final(current()), digits) };
    return cached.reading;
  }

  /** Units that are switched off. */
  const unitsOff = () => new Set(state.off.split(".").filter(Boolean).map(Number).filter((unit) => unit < current().config.hidden_size));

  /** Draw a panel when one of the named fields changes, as soon as it is (nearly) on the screen; also in a new theme or width. */
  function panel(id, names, draw) {
    const section = document.getElementById(id);
    let isVisible = false, isStale = true;
    const update = () => {
      isStale = true;
      if (!isVisible || document.getElementById("lab-memory").hidden) return;
      isStale = false;
      draw();
      section.dataset.drawn = "true";
    };
    new IntersectionObserver((entries) => {
      isVisible = entries.at(-1).isIntersecting;
      if (isVisible && isStale) update();
    }, { rootMargin: "200px" }).observe(section);
    subscribe(names, update);
    memory.onTheme(update);
    let width = innerWidth, timer = 0;
    addEventListener("resize", () => {
      if (innerWidth === width) return;
      width = innerWidth;
      clearTimeout(timer);
      timer = setTimeout(update, 100);
    });
  }

  /** Save the canvases of a panel with its button. */
  function savePanel(id, canvases) {
    const section = document.getElementById(id);
    document.querySelector(`[data-png="${id}"]`).addEventListener("click", () => {
      const title = `${section.querySelector("h2").textContent}: ${memory.title(current())}`;
      memory.savePng(id, title, canvases.map((canvas) => document.getElementById(canvas)));
    });
  }

  Object.assign(memory, {
    ...store, MAX_LENGTH, current, length, palindrome, inputs, step, reading, unitsOff, panel, savePanel,
    percent: palingen.percent, state: () => state,
  });
})(globalThis.palingen);
