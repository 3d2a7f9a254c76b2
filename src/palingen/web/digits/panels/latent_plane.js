// A plane through latent space, to drag on: its images in the background, and the one at the cursor beside it.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, SIDE = 11, plane = byId("plane"), background = byId("plane-images");
  const choices = document.querySelectorAll('[name="plane"]'), pinMarks = [...document.querySelectorAll(".pin-mark")];
  let isDragging = false, position = null, isNewImage = false, lastFrame = 0, lastFill = 0, classifyTimer = 0;
  let intervals = []; // milliseconds between two frames with new images during a drag

  pinMarks.forEach((mark, i) => {
    const [x, y] = palingen.PIN_POSITIONS[i];
    mark.style.left = `${100 * x}%`;
    mark.style.top = `${100 * y}%`;
  });

  const isReady = () => ["z", "a", "b", "c"].every(page.input);

  function inputAt(x, y) {
    const { latentDim, directions } = page.model();
    if (page.state().plane === "pins")
      return palingen.planeThroughPins(["a", "b", "c"].map(page.input), x, y, latentDim);
    const [first, second] = directions.filter(({ effect }) => effect === null); // the principal directions
    return palingen.planeAlong(page.input("z"), first.vector, second.vector, x, y);
  }

  function drawCursor() {
    const { x, y, model } = page.state(), cursor = byId("cursor");
    cursor.style.left = `${100 * x}%`;
    cursor.style.top = `${100 * y}%`;
    if (!isReady()) return;
    page.requestLatest("cursor", { task: "generate", model, inputs: inputAt(x, y), count: 1 }, ({ pixels }) => {
      page.paint(byId("cursor-image"), pixels);
      isNewImage = true;
      clearTimeout(classifyTimer); // classifying takes longer than generating
      classifyTimer = setTimeout(() => classify(pixels), isDragging ? 120 : 0);
    });
  }

  function classify(pixels) {
    page.requestLatest("cursor class", { task: "classify", pixels }, ({ probabilities }) => {
      byId("cursor-prediction").textContent = page.describe(probabilities[0]);
    });
  }

  // Row by row, and paused during a drag, which must stay smooth.
  async function drawBackground() {
    const fill = ++lastFill, size = page.inputSize();
    if (!isReady()) return;
    for (const mark of pinMarks) mark.hidden = page.state().plane !== "pins";
    for (const choice of choices) choice.checked = choice.value === page.state().plane;
    const context = background.getContext("2d");
    for (let row = 0; row < SIDE; row++) {
      const inputs = new Float32Array(SIDE * size), { model } = page.state();
      for (let k = 0; k < SIDE; k++) inputs.set(inputAt((k + 0.5) / SIDE, (row + 0.5) / SIDE), k * size);
      const { pixels } = await page.requestOnce({ task: "generate", model, inputs, count: SIDE });
      while (isDragging) await new Promise((resume) => setTimeout(resume, 100));
      if (fill !== lastFill) return;
      for (let k = 0; k < SIDE; k++) page.drawImage(context, palingen.imageAt(pixels, k), 28 * k, 28 * row);
    }
    background.dataset.filled = String(fill);
  }

  function movePointer(event) {
    const box = plane.getBoundingClientRect();
    position = {
      x: page.clamp((event.clientX - box.left) / box.width, 0, 1),
      y: page.clamp((event.clientY - box.top) / box.height, 0, 1),
    };
  }

  function frame(now) {
    if (isNewImage) {
      if (lastFrame) intervals.push(now - lastFrame);
      lastFrame = now;
      isNewImage = false;
    }
    if (position) page.setState(position);
    position = null;
    if (isDragging) requestAnimationFrame(frame);
  }

  function showRate() {
    if (intervals.length < 10) return;
    const median = intervals.sort((a, b) => a - b)[intervals.length >> 1], rate = byId("drag-rate");
    rate.textContent = `${Math.round(1000 / median)} images a second`;
    rate.dataset.rate = String(1000 / median);
    rate.dataset.count = String(intervals.length);
  }

  plane.addEventListener("pointerdown", (event) => {
    plane.setPointerCapture(event.pointerId);
    [isDragging, lastFrame, intervals, isNewImage] = [true, 0, [], false];
    movePointer(event);
    requestAnimationFrame(frame);
  });
  plane.addEventListener("pointermove", (event) => { if (isDragging) movePointer(event); });
  for (const end of ["pointerup", "pointercancel"])
    plane.addEventListener(end, () => {
      isDragging = false;
      showRate();
    });
  plane.addEventListener("keydown", (event) => {
    const step = page.arrowStep(event), { x, y } = page.state(), size = event.shiftKey ? 0.1 : 0.02;
    if (!step) return;
    event.preventDefault();
    page.setState({ x: page.clamp(x + size * step[0], 0, 1), y: page.clamp(y + size * step[1], 0, 1) });
  });
  for (const choice of choices) choice.addEventListener("change", () => page.setState({ plane: choice.value }));
  byId("cursor-select").addEventListener("click", () => page.select(inputAt(page.state().x, page.state().y)));
  document.querySelector('[data-save="latent-plane"]').addEventListener("click", () =>
    page.savePng("latent-plane", [background], 4));

  function drawAll() {
    drawBackground();
    drawCursor();
  }
  page.subscribe(["a", "b", "c", "plane", "model"], drawAll);
  page.subscribe(["z"], () => { if (page.state().plane === "principal") drawAll(); });
  page.subscribe(["x", "y"], drawCursor);
});
