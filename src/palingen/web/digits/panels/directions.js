// The current digit along directions of latent space, with its images at both ends of each.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, rows = byId("direction-rows"), REACH = 2.5;
  const UNITS = { slant: "°", thickness: " px", width: " px" };
  let ends = []; // two canvases for each direction

  function describe({ effect, explained, name }) {
    return effect === null
      ? `${page.percent(explained)} of the variance of the first layer`
      : `${effect.toFixed(2)}${UNITS[name]} per unit; ${page.percent(explained)} of the variance explained`;
  }

  function build() {
    ends = [];
    rows.replaceChildren(...page.model().directions.map(buildRow));
    showDistances();
  }

  function buildRow(direction, i) {
    const row = document.createElement("div");
    row.className = "direction";
    row.innerHTML = '<canvas class="digit" width="28" height="28" role="img"></canvas><label><span class="name"></span>'
      + `<input type="range" min="${-REACH}" max="${REACH}" step="0.1" value="0"><span class="hint"></span></label>`
      + '<canvas class="digit" width="28" height="28" role="img"></canvas><output></output>';
    row.querySelector(".name").textContent = direction.name;
    row.querySelector(".hint").textContent = describe(direction);
    const [less, more] = row.querySelectorAll("canvas"), slider = row.querySelector("input");
    less.setAttribute("aria-label", `Less ${direction.name}`);
    more.setAttribute("aria-label", `More ${direction.name}`);
    ends.push(less, more);
    slider.addEventListener("input", () => {
      const distances = page.distances();
      distances[i] = Number(slider.value);
      page.setState({ directions: distances.some(Boolean) ? distances.map((v) => Math.round(10 * v)).join(".") : "" });
    });
    return row;
  }

  function showDistances() {
    page.distances().forEach((distance, i) => {
      rows.children[i].querySelector("input").value = String(distance);
      rows.children[i].querySelector("output").textContent = distance.toFixed(1);
    });
  }

  function drawEnds() {
    const z = page.input("z"), size = page.inputSize(), vectors = page.model().directions.map(({ vector }) => vector);
    if (!z || !ends.length) return;
    const inputs = new Float32Array(ends.length * size);
    ends.forEach((_, k) => {
      const distances = page.distances();
      distances[k >> 1] = k % 2 ? REACH : -REACH;
      inputs.set(palingen.moveAlong(z, vectors, distances), k * size);
    });
    const message = { task: "generate", model: page.state().model, inputs, count: ends.length };
    page.requestLatest("direction ends", message, ({ pixels }) =>
      ends.forEach((canvas, k) => page.paint(canvas, palingen.imageAt(pixels, k))));
  }

  byId("direction-samples").textContent = page.metadata.directionSamples.toLocaleString("en");
  byId("directions-reset").addEventListener("click", () => page.setState({ directions: "" }));
  document.querySelector('[data-save="directions"]').addEventListener("click", () => page.savePng("directions", ends));
  page.subscribe(["model"], build);
  page.subscribe(["z", "directions", "model"], () => {
    showDistances();
    drawEnds();
  });
  build();
});
