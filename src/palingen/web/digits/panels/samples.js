// Twenty-five samples of one seed.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, COUNT = 25, COLUMNS = 5, grid = byId("grid");
  const seed = byId("seed"), truncation = byId("truncation"), digits = byId("digit");
  let inputs = [], isFirst = true;

  const buttons = Array.from({ length: COUNT }, (_, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = i ? -1 : 0;
    button.innerHTML = '<canvas class="digit" width="28" height="28" aria-hidden="true"></canvas>';
    button.setAttribute("aria-label", `Sample ${i + 1}`);
    button.addEventListener("click", () => page.select(inputs[i]));
    return grid.appendChild(button);
  });
  page.rovingTabindex(grid, COLUMNS);

  function draw(count = COUNT) {
    const state = page.state(), { latentDim, numClasses } = page.model(), size = page.inputSize();
    inputs = palingen.sampleInputs(COUNT, state.seed, state.truncation, latentDim, numClasses, state.digit);
    const joined = new Float32Array(count * size);
    inputs.slice(0, count).forEach((input, i) => joined.set(input, i * size));
    page.requestLatest("samples", { task: "generate", model: state.model, inputs: joined, count }, ({ pixels }) => {
      for (let i = 0; i < count; i++) page.paint(buttons[i].firstChild, palingen.imageAt(pixels, i));
      if (isFirst) requestAnimationFrame(() => performance.mark("first images"));
      isFirst = false;
      if (count === COUNT) page.requestLatest("sample classes", { task: "classify", pixels }, chooseDefaults);
    });
  }

  // The first sample that the classifier is confident of is the current digit and A; B and C are of other classes.
  function chooseDefaults({ probabilities }) {
    const predicted = probabilities.map((p) => p.indexOf(Math.max(...p)));
    const confident = probabilities.map((p) => Math.max(...p) > 0.98);
    const order = predicted.map((_, i) => i).sort((i, j) => confident[j] - confident[i] || i - j);
    const chosen = [];
    for (const i of order) if (chosen.length < 3 && !chosen.some((j) => predicted[j] === predicted[i])) chosen.push(i);
    while (chosen.length < 3) chosen.push(order.find((i) => !chosen.includes(i)));
    const [a, b, c] = chosen.map((i) => palingen.packInput(inputs[i]));
    buttons.forEach((button, i) => button.setAttribute("aria-label", `Sample ${i + 1}: ${page.describe(probabilities[i])}`));
    page.setDefaults({ z: a, a, b, c });
    markSelected();
  }

  function markSelected() {
    const z = page.state().z ?? palingen.packInput(page.input("z") ?? []);
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(palingen.packInput(inputs[i]) === z)));
  }

  function showControls() {
    const state = page.state(), { numClasses } = page.model();
    if (document.activeElement !== seed) seed.value = String(state.seed);
    truncation.value = String(state.truncation);
    byId("truncation-value").textContent = state.truncation.toFixed(2);
    byId("digit-label").hidden = !numClasses;
    const options = Array.from({ length: numClasses }, (_, i) => new Option(page.metadata.classNames[i], String(i)));
    digits.replaceChildren(new Option("all", "-1"), ...options);
    digits.value = String(state.digit);
  }

  seed.addEventListener("input", () => { if (/^\d{1,9}$/.test(seed.value)) page.setState({ seed: Number(seed.value) }); });
  seed.addEventListener("blur", showControls);
  byId("next-seed").addEventListener("click", () => page.setState({ seed: palingen.nextSeed(page.state().seed) }));
  truncation.addEventListener("input", () => page.setState({ truncation: Number(truncation.value) }));
  digits.addEventListener("change", () => page.setState({ digit: Number(digits.value) }));
  document.querySelector('[data-save="samples"]').addEventListener("click", () =>
    page.savePng("samples", buttons.map((button) => button.firstChild)));
  page.subscribe(["model", "seed", "truncation", "digit"], () => {
    showControls();
    draw();
  });
  page.subscribe(["z", "model"], markSelected);
  showControls();
  draw(COLUMNS); // the first row comes early, the others follow
  draw();
});
