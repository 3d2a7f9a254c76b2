// From A to B: nine pictures, and one on the way.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, COUNT = 9, strip = byId("strip"), slider = byId("t");
  let inputs = [];

  const steps = Array.from({ length: COUNT }, (_, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = i ? -1 : 0;
    button.innerHTML = '<canvas class="digit" width="28" height="28" aria-hidden="true"></canvas><span class="verdict">&nbsp;</span>';
    button.addEventListener("click", () => { page.set({ t: i / (COUNT - 1) }); page.choose(inputs[i]); });
    return strip.appendChild(button);
  });
  page.roving(strip, COUNT);

  const at = (t) => palingen.between(page.input("a"), page.input("b"), t, page.model().latentDim, page.view().walk);
  const ready = () => page.input("a") && page.input("b");

  function draw() {
    if (!ready()) return;
    inputs = steps.map((_, i) => at(i / (COUNT - 1)));
    const flat = new Float32Array(COUNT * page.width());
    inputs.forEach((each, i) => flat.set(each, i * page.width()));
    page.askLatest("strip", { task: "draw", model: page.view().m, inputs: flat, count: COUNT, judged: true }, ({ pixels, verdicts }) => {
      const said = verdicts.map(page.words);
      steps.forEach((button, i) => {
        page.paint(button.firstChild, pixels.subarray(784 * i, 784 * i + 784));
        button.lastChild.textContent = said[i];
        button.setAttribute("aria-label", `Step ${i + 1} of ${COUNT}: ${said[i]}`);
        button.classList.toggle("turn", i > 0 && said[i].split(",")[0] !== said[i - 1].split(",")[0]);
      });
    });
  }

  function walk() {
    slider.value = String(page.view().t);
    if (!ready()) return;
    const message = { task: "draw", model: page.view().m, inputs: at(page.view().t), count: 1, judged: true };
    page.askLatest("walker", message, ({ pixels, verdicts }) => {
      page.paint(byId("walker"), pixels);
      byId("walker-verdict").textContent = page.words(verdicts[0]);
    });
  }

  function show() {
    document.querySelector(`[name="walk"][value="${page.view().walk}"]`).checked = true;
  }

  let way = 1;
  page.player(byId("play"), (seconds) => {
    let t = page.view().t + way * seconds / 4;
    if (t >= 1 || t <= 0) { way = -way; t = Math.min(1, Math.max(0, t)); }
    page.set({ t });
  });
  slider.addEventListener("input", () => page.set({ t: Number(slider.value) }));
  for (const choice of document.querySelectorAll('[name="walk"]'))
    choice.addEventListener("change", () => page.set({ walk: choice.value }));
  byId("walker-take").addEventListener("click", () => page.choose(at(page.view().t)));
  document.querySelector('[data-save="between"]').addEventListener("click", () =>
    page.save("between", steps.map((button) => button.firstChild)));
  page.on(["a", "b", "walk", "m"], () => { show(); draw(); });
  page.on(["a", "b", "walk", "m", "t"], walk);
  show();
});
