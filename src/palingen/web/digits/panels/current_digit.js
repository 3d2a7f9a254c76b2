// The current digit, which all panels share, and the three pins.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, canvas = byId("current-digit"), models = byId("model");

  page.metadata.models.forEach(({ name }, i) => models.add(new Option(name, String(i))));
  byId("model-label").hidden = page.metadata.models.length < 2;
  models.addEventListener("change", () => page.setState({
    model: Number(models.value), z: null, a: null, b: null, c: null, directions: "", digit: -1, snapshot: -1,
  }));

  function showModel() {
    const { latentDim, numClasses } = page.model();
    models.value = String(page.state().model);
    byId("generator-inputs").textContent = `${latentDim} random numbers${numClasses ? " and a class" : ""}`;
  }

  function draw() {
    const inputs = page.currentDigit();
    if (!inputs) return;
    const message = { task: "generate", model: page.state().model, inputs, count: 1, withProbabilities: true };
    page.requestLatest("current digit", message, ({ pixels, probabilities: [probabilities] }) => {
      page.paint(canvas, pixels);
      byId("current-prediction").textContent = page.describe(probabilities);
      canvas.setAttribute("aria-label", page.wording("Current digit: ") + page.describe(probabilities));
      document.dispatchEvent(new CustomEvent("current-digit", { detail: { pixels, probabilities } }));
    });
  }

  for (const button of document.querySelectorAll("[data-pin]")) {
    const name = button.dataset.pin, image = button.querySelector("canvas");
    button.addEventListener("click", () => {
      page.setState({ [name]: palingen.packInput(page.currentDigit()) });
      page.announce(`Pinned as ${name.toUpperCase()}`);
    });
    page.subscribe([name, "model"], () => {
      const inputs = page.input(name), message = { task: "generate", model: page.state().model, inputs, count: 1 };
      if (inputs) page.request(message, ({ pixels }) => page.paint(image, pixels));
    });
  }

  byId("current-save").addEventListener("click", () => page.savePng("digit", [canvas], 16));
  byId("copy-link").addEventListener("click", () => page.copyLink(page.link()));
  page.subscribe(["z", "directions", "model"], draw);
  page.subscribe(["model"], showModel);
  showModel();
});
