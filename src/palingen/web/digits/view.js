// The view: its state, which a link holds, and what follows from it.
"use strict";
(function (palingen) {
  const { page } = palingen, metadata = JSON.parse(page.byId("metadata").textContent);

  let state;
  /** Packed inputs for what the link leaves open: the current digit and the pins, chosen among the samples. */
  const defaults = { z: null, a: null, b: null, c: null };
  const subscribers = [];
  let linkTimer = 0;

  const model = () => metadata.models[state.model];
  const inputSize = () => model().latentDim + model().numClasses;

  function readLink() {
    state = { ...palingen.parseState(location.hash), tab: palingen.tabs.isOnly() ? null : "digits" };
    if (!metadata.models[state.model]) state.model = 0;
    for (const name of Object.keys(defaults))
      if (state[name] && !palingen.unpackInput(state[name], inputSize())) state[name] = null;
  }
  readLink();

  /** Call `callback` when one of the named fields has changed. */
  const subscribe = (names, callback) => subscribers.push({ names, callback });

  function notify(changed) {
    for (const { names, callback } of subscribers) if (names.some((name) => changed.includes(name))) callback();
  }

  /** Change the state; subscribers are called, and the link in the address bar follows. */
  function setState(changes) {
    const changed = Object.keys(changes).filter((name) => state[name] !== changes[name]);
    if (!changed.length) return;
    Object.assign(state, changes);
    notify(changed);
    clearTimeout(linkTimer);
    linkTimer = setTimeout(() => {
      linkTimer = 0;
      history.replaceState(null, "", link());
    }, 150);
  }

  function setDefaults(values) {
    const changed = Object.keys(values).filter((name) => defaults[name] !== values[name] && state[name] === null);
    Object.assign(defaults, values);
    notify(changed);
  }

  /** Link to the current view. */
  const link = () => location.href.split("#")[0] + palingen.formatState(state);

  /** Whether the address bar holds the link to the current view. */
  const isLinkWritten = () => !linkTimer;

  /** Input of a pin, or (z) of the current digit before it is moved along directions; null before the first images. */
  function input(name) {
    const text = state[name] ?? defaults[name];
    return text && palingen.unpackInput(text, inputSize());
  }

  /** Distance along each direction. */
  const distances = () => model().directions.map((_, i) => (Number(state.directions.split(".")[i]) || 0) / 10);

  /** Input of the current digit. */
  function currentDigit() {
    const z = input("z");
    return z && palingen.moveAlong(z, model().directions.map(({ vector }) => vector), distances());
  }

  /** Make an input the current digit. */
  const select = (latents) => setState({ z: palingen.packInput(latents), directions: "" });

  /** A fraction as per cent: one decimal below ten; rounded down above, so that only certainty is 100 %. */
  function percent(fraction) {
    return `${fraction < 0.0995 ? (100 * fraction).toFixed(1) : Math.floor(100 * fraction)}\u00a0%`;
  }

  /** "7, 98 %" from class probabilities. */
  function describe(probabilities) {
    const predicted = probabilities.indexOf(Math.max(...probabilities));
    return `${predicted}, ${percent(probabilities[predicted])}`;
  }

  addEventListener("hashchange", () => {
    if (palingen.tabs.current() !== "digits") return;
    readLink();
    notify(Object.keys(state));
  });

  Object.assign(page, {
    metadata, model, inputSize, subscribe, notify, setState, setDefaults, link, isLinkWritten, input, distances,
    currentDigit, select, percent, describe, state: () => state, trainingDigits: null,
  });
})(globalThis.palingen);
