// Your digit along directions that have a meaning, with what each does at both ends.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, rows = byId("slider-rows"), REACH = 2.5;
  let ends = [];

  const UNITS = { slant: "°", thickness: " px", width: " px" };

  function about({ effect, explains, name }) {
    const share = `${Math.round(100 * explains)} %`;
    return effect === null
      ? `${share} of what the first layer does`
      : `a step adds ${effect.toFixed(2)}${UNITS[name]}; ${share} of the variance is linear`;
  }

  function build() {
    ends = [];
    rows.replaceChildren(...page.model().directions.map((direction, i) => {
      const row = document.createElement("div");
      row.className = "slide";
      row.innerHTML = '<canvas class="digit" width="28" height="28" role="img"></canvas><label><span class="name"></span>'
        + `<input type="range" min="${-REACH}" max="${REACH}" step="0.1" value="0"><span class="hint"></span></label>`
        + '<canvas class="digit" width="28" height="28" role="img"></canvas><output></output>';
      row.querySelector(".name").textContent = direction.name;
      row.querySelector(".hint").textContent = about(direction);
      const [less, more] = row.querySelectorAll("canvas");
      less.setAttribute("aria-label", `Less ${direction.name}`);
      more.setAttribute("aria-label", `More ${direction.name}`);
      ends.push(less, more);
      const slider = row.querySelector("input");
      slider.addEventListener("input", () => {
        const steps = page.steps();
        steps[i] = Number(slider.value);
        page.set({ s: steps.some(Boolean) ? steps.map((v) => Math.round(10 * v)).join(".") : "" });
      });
      return row;
    }));
    show();
  }

  function show() {
    page.steps().forEach((step, i) => {
      rows.children[i].querySelector("input").value = String(step);
      rows.children[i].querySelector("output").textContent = step.toFixed(1);
    });
  }

  function draw() {
    const base = page.input("z");
    if (!base || !ends.length) return;
    const { directions } = page.model(), flat = new Float32Array(ends.length * page.width());
    const vectors = directions.map(({ vector }) => vector);
    ends.forEach((_, k) => {
      const steps = page.steps();
      steps[k >> 1] = k % 2 ? REACH : -REACH;
      flat.set(palingen.along(base, vectors, steps), k * page.width());
    });
    page.askLatest("ends", { task: "draw", model: page.view().m, inputs: flat, count: ends.length }, ({ pixels }) =>
      ends.forEach((canvas, k) => page.paint(canvas, pixels.subarray(784 * k, 784 * k + 784))));
  }

  byId("sliders-reset").addEventListener("click", () => page.set({ s: "" }));
  document.querySelector('[data-save="sliders"]').addEventListener("click", () => page.save("sliders", ends));
  page.on(["m"], build);
  page.on(["z", "s", "m"], () => { show(); draw(); });
  build();
});
