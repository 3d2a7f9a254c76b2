// A plane through latent space, to drag on.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, SIDE = 11, field = byId("field"), lattice = byId("lattice");
  const marks = [...document.querySelectorAll(".corner")], cursor = byId("cursor");
  let dragging = false, wanted = null, fresh = false, last = 0, filling = 0, asking = 0, gaps = [];

  marks.forEach((mark, i) => {
    const [across, down] = palingen.CORNERS[i];
    mark.style.left = `${100 * across}%`;
    mark.style.top = `${100 * down}%`;
  });

  function at(across, down) {
    if (page.view().plane === "pins") return palingen.throughPins(["a", "b", "c"].map(page.input), across, down, page.model().latentDim);
    const [one, other] = page.model().directions.filter(({ effect }) => effect === null);
    return palingen.alongPrincipal(page.input("z"), one.vector, other.vector, across, down);
  }
  const ready = () => ["z", "a", "b", "c"].every(page.input);

  function look() {
    const { x, y, m } = page.view();
    cursor.style.left = `${100 * x}%`;
    cursor.style.top = `${100 * y}%`;
    if (!ready()) return;
    page.askLatest("lens", { task: "draw", model: m, inputs: at(x, y), count: 1 }, ({ pixels }) => {
      page.paint(byId("lens"), pixels);
      fresh = true;
      clearTimeout(asking);
      asking = setTimeout(() => judge(pixels), dragging ? 120 : 0); // looking takes longer than drawing
    });
  }

  function judge(pixels) {
    page.askLatest("lens verdict", { task: "judge", pixels }, ({ verdicts }) => {
      byId("map-verdict").textContent = page.words(verdicts[0]);
    });
  }

  // The ground, row by row, and never in the way of a drag.
  async function fill() {
    const run = ++filling;
    if (!ready()) return;
    document.querySelectorAll(".corner").forEach((mark) => { mark.hidden = page.view().plane !== "pins"; });
    document.querySelector(`[name="plane"][value="${page.view().plane}"]`).checked = true;
    const pen = lattice.getContext("2d");
    for (let row = 0; row < SIDE; row++) {
      const flat = new Float32Array(SIDE * page.width());
      for (let k = 0; k < SIDE; k++) flat.set(at((k + 0.5) / SIDE, (row + 0.5) / SIDE), k * page.width());
      const { pixels } = await page.ask1({ task: "draw", model: page.view().m, inputs: flat, count: SIDE });
      while (dragging) await new Promise((resume) => setTimeout(resume, 100));
      if (run !== filling) return;
      for (let k = 0; k < SIDE; k++) {
        const image = pen.createImageData(28, 28);
        for (let i = 0; i < 784; i++) image.data[4 * i + 3] = pixels[784 * k + i];
        pen.putImageData(image, 28 * k, 28 * row);
      }
    }
    lattice.dataset.filled = String(run);
  }

  function move(event) {
    const box = field.getBoundingClientRect(), inside = (v) => Math.min(1, Math.max(0, v));
    wanted = { x: inside((event.clientX - box.left) / box.width), y: inside((event.clientY - box.top) / box.height) };
  }

  // One picture a frame at most; the time between two frames with new pictures is what one sees.
  function frame(now) {
    if (fresh) {
      if (last) gaps.push(now - last);
      last = now;
      fresh = false;
    }
    if (wanted) page.set(wanted);
    wanted = null;
    if (dragging) requestAnimationFrame(frame);
  }

  function report() {
    const sorted = gaps.sort((a, b) => a - b), middle = sorted[sorted.length >> 1];
    if (sorted.length < 10) return;
    byId("map-rate").textContent = `${Math.round(1000 / middle)} pictures a second`;
    byId("map-rate").dataset.rate = String(1000 / middle);
    byId("map-rate").dataset.count = String(sorted.length);
  }

  field.addEventListener("pointerdown", (event) => {
    field.setPointerCapture(event.pointerId);
    [dragging, last, gaps, fresh] = [true, 0, [], false];
    move(event);
    requestAnimationFrame(frame);
  });
  field.addEventListener("pointermove", (event) => { if (dragging) move(event); });
  for (const end of ["pointerup", "pointercancel"])
    field.addEventListener(end, () => { dragging = false; report(); });
  field.addEventListener("keydown", (event) => {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const inside = (v) => Math.min(1, Math.max(0, v)), { x, y } = page.view(), size = event.shiftKey ? 0.1 : 0.02;
    page.set({ x: inside(x + size * step[0]), y: inside(y + size * step[1]) });
  });
  for (const choice of document.querySelectorAll('[name="plane"]'))
    choice.addEventListener("change", () => page.set({ plane: choice.value }));
  byId("map-take").addEventListener("click", () => page.choose(at(page.view().x, page.view().y)));
  document.querySelector('[data-save="map"]').addEventListener("click", () => page.save("map", [lattice], 4));

  page.on(["a", "b", "c", "plane", "m"], () => { fill(); look(); });
  page.on(["z"], () => { if (page.view().plane === "principal") { fill(); look(); } });
  page.on(["x", "y"], look);
});
