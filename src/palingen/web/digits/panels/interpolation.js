// Interpolation from A to B: nine images, and one at the slider's position.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, COUNT = 9, strip = byId("strip"), slider = byId("t");
  const choices = document.querySelectorAll('[name="interpolation"]');
  let inputs = [];

  const buttons = Array.from({ length: COUNT }, (_, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = i ? -1 : 0;
    button.innerHTML = '<canvas class="digit" width="28" height="28" aria-hidden="true"></canvas>'
      + '<span class="prediction">&nbsp;</span>';
    button.addEventListener("click", () => {
      page.setState({ t: i / (COUNT - 1) });
      page.select(inputs[i]);
    });
    return strip.appendChild(button);
  });
  page.rovingTabindex(strip, COUNT);

  const isReady = () => page.input("a") && page.input("b");
  const pointAt = (t) =>
    palingen.interpolate(page.input("a"), page.input("b"), t, page.model().latentDim, page.state().interpolation);

  function drawStrip() {
    const size = page.inputSize();
    for (const choice of choices) choice.checked = choice.value === page.state().interpolation;
    if (!isReady()) return;
    inputs = buttons.map((_, i) => pointAt(i / (COUNT - 1)));
    const joined = new Float32Array(COUNT * size);
    inputs.forEach((input, i) => joined.set(input, i * size));
    const message = { task: "generate", model: page.state().model, inputs: joined, count: COUNT, withProbabilities: true };
    page.requestLatest("strip", message, ({ pixels, probabilities }) => {
      const predictions = probabilities.map(page.describe);
      buttons.forEach((button, i) => {
        page.paint(button.firstChild, palingen.imageAt(pixels, i));
        button.lastChild.textContent = predictions[i];
        button.setAttribute("aria-label", `Image ${i + 1} of ${COUNT}: ${predictions[i]}`);
        button.classList.toggle("new-class", i > 0 && predictions[i].split(",")[0] !== predictions[i - 1].split(",")[0]);
      });
    });
  }

  function drawPoint() {
    const { model, t } = page.state();
    slider.value = String(t);
    if (!isReady()) return;
    const message = { task: "generate", model, inputs: pointAt(t), count: 1, withProbabilities: true };
    page.requestLatest("point", message, ({ pixels, probabilities }) => {
      page.paint(byId("point"), pixels);
      byId("point-prediction").textContent = page.describe(probabilities[0]);
    });
  }

  let direction = 1;
  page.playButton(byId("play"), (seconds) => {
    const t = page.state().t + direction * seconds / 4;
    if (t >= 1 || t <= 0) direction = -direction;
    page.setState({ t: page.clamp(t, 0, 1) });
  });
  slider.addEventListener("input", () => page.setState({ t: Number(slider.value) }));
  for (const choice of choices)
    choice.addEventListener("change", () => page.setState({ interpolation: choice.value }));
  byId("point-select").addEventListener("click", () => page.select(pointAt(page.state().t)));
  document.querySelector('[data-save="interpolation"]').addEventListener("click", () =>
    page.savePng("interpolation", buttons.map((button) => button.firstChild)));
  page.subscribe(["a", "b", "interpolation", "model"], drawStrip);
  page.subscribe(["a", "b", "interpolation", "model", "t"], drawPoint);
  drawStrip();
});
