// The view: its state, which a link holds, and what follows from it.
"use strict";
(function (palingen) {
  const { page } = palingen, metadata = JSON.parse(page.byId("metadata").textContent);

  /** Packed inputs for what the link leaves open: the current digit and the pins, chosen among the samples. */
  const defaults = { z: null, a: null, b: null, c: null };

  /** Fields of a link; those that do not fit the generators of this page are left out. */
  function parse(hash) {
    const fields = palingen.parseState(hash);
    if (!metadata.models[fields.model]) fields.model = 0;
    const { latentDim, numClasses } = metadata.models[fields.model];
    for (const name of Object.keys(defaults))
      if (fields[name] && !palingen.unpackInput(fields[name], latentDim + numClasses)) fields[name] = null;
    return fields;
  }

  const store = palingen.createStore("digits", parse, palingen.formatState);
  const { state, notify, setState } = store;

  const model = () => metadata.models[state.model];
  const inputSize = () => model().latentDim + model().numClasses;

  function setDefaults(values) {
    const changed = Object.keys(values).filter((name) => defaults[name] !== values[name] && state[name] === null);
    Object.assign(defaults, values);
    notify(changed);
  }

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

  const { percent } = palingen;

  /** "7, 98 %" from class probabilities. */
  function describe(probabilities) {
    const predicted = probabilities.indexOf(Math.max(...probabilities));
    return `${metadata.classNames[predicted]}, ${percent(probabilities[predicted])}`;
  }

  const isDigits = metadata.credit === null;

  /** Text of the page, which speaks of digits, for images of any kind. */
  const wording = (text) => isDigits ? text : text.replace("new handwriting", "test images").replace("a digit", "an image")
    .replace(/\b(d)igit(s?)\b/gi, (_, initial, plural) => `${initial === "D" ? "I" : "i"}mage${plural}`);

  /** Reword the texts and labels of the template. */
  function rewordTemplate() {
    if (isDigits) return;
    for (const root of [page.byId("lab-digits"), page.byId("tab-digits")].filter(Boolean)) {
      const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
      while (texts.nextNode())
        if (texts.currentNode.parentElement.tagName !== "SCRIPT") texts.currentNode.data = wording(texts.currentNode.data);
      for (const element of root.querySelectorAll("[aria-label]")) element.ariaLabel = wording(element.ariaLabel);
    }
    page.byId("credit").textContent = `images: ${metadata.credit}`;
  }

  Object.assign(page, {
    ...store, metadata, model, inputSize, setDefaults, input, distances, currentDigit, select, percent, describe,
    isDigits, wording, rewordTemplate,
    state: () => state, trainingDigits: null,
  });
})(globalThis.palingen);
