// Twenty-five samples of one seed.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, COUNT = 25, ROW = 5, grid = byId("grid");
  const seed = byId("seed"), cut = byId("cut"), kind = byId("class");
  let inputs = [], first = true;

  const buttons = Array.from({ length: COUNT }, (_, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = i ? -1 : 0;
    button.innerHTML = '<canvas class="digit" width="28" height="28" aria-hidden="true"></canvas>';
    button.setAttribute("aria-label", `Sample ${i + 1}`);
    button.addEventListener("click", () => page.choose(inputs[i]));
    return grid.appendChild(button);
  });
  page.roving(grid, ROW);

  function draw(count = COUNT) {
    const { m, seed: from, cut: factor, k } = page.view();
    inputs = palingen.samples(COUNT, from, factor, page.model().latentDim, page.model().classes, k);
    const flat = new Float32Array(count * page.width());
    inputs.slice(0, count).forEach((each, i) => flat.set(each, i * page.width()));
    page.askLatest("samples", { task: "draw", model: m, inputs: flat, count }, ({ pixels }) => {
      for (let i = 0; i < count; i++) page.paint(buttons[i].firstChild, pixels.subarray(784 * i, 784 * i + 784));
      if (first) requestAnimationFrame(() => performance.mark("first images"));
      first = false;
      if (count === COUNT) page.askLatest("judged", { task: "judge", pixels }, ({ verdicts }) => judged(verdicts));
    });
  }

  // Without pins of one's own: the first sample that the judge is sure of, and the first two of other classes.
  function judged(verdicts) {
    const top = verdicts.map((verdict) => verdict.indexOf(Math.max(...verdict)));
    const order = top.map((_, i) => i).sort((i, j) => (verdicts[j][top[j]] > 0.98) - (verdicts[i][top[i]] > 0.98) || i - j);
    const chosen = [];
    for (const i of order) if (chosen.length < 3 && !chosen.some((j) => top[j] === top[i])) chosen.push(i);
    while (chosen.length < 3) chosen.push(order.find((i) => !chosen.includes(i)));
    const [a, b, c] = chosen.map((i) => palingen.pack(inputs[i]));
    buttons.forEach((button, i) => button.setAttribute("aria-label", `Sample ${i + 1}: ${page.words(verdicts[i])}`));
    page.setAuto({ z: a, a, b, c });
    mark();
  }

  function mark() {
    const { z } = page.view(), mine = z ?? palingen.pack(page.input("z") ?? []);
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(palingen.pack(inputs[i]) === mine)));
  }

  function show() {
    const { seed: from, cut: factor, k } = page.view();
    if (document.activeElement !== seed) seed.value = String(from);
    cut.value = String(factor);
    byId("cut-value").textContent = factor.toFixed(2);
    byId("class-label").hidden = !page.model().classes;
    kind.replaceChildren(new Option("any", "-1"), ...Array.from({ length: page.model().classes }, (_, i) => new Option(String(i), String(i))));
    kind.value = String(k);
  }

  seed.addEventListener("input", () => { if (/^\d{1,9}$/.test(seed.value)) page.set({ seed: Number(seed.value) }); });
  seed.addEventListener("blur", show);
  byId("reroll").addEventListener("click", () => page.set({ seed: palingen.next(page.view().seed) }));
  cut.addEventListener("input", () => page.set({ cut: Number(cut.value) }));
  kind.addEventListener("change", () => page.set({ k: Number(kind.value) }));
  document.querySelector('[data-save="samples"]').addEventListener("click", () =>
    page.save("samples", buttons.map((button) => button.firstChild)));
  page.on(["m", "seed", "cut", "k"], () => { show(); draw(); });
  page.on(["z", "m"], mark);
  show();
  draw(ROW); // so that the page opens with pictures; the rest of them follow
  draw();
});
