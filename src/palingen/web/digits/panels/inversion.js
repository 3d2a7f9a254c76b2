// Inversion: draw a digit, and search for the latent whose image is nearest to the drawing.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, SIZE = 280, drawing = byId("drawing"), progress = byId("inversion-progress");
  const pen = drawing.getContext("2d", { willReadFrequently: true }), caption = byId("nearest-caption");
  let isDrawing = false, penPosition = { x: SIZE / 2, y: SIZE / 2 }, exampleIndex = 0;

  pen.lineWidth = 22;
  pen.lineCap = pen.lineJoin = "round";

  function drawLine(to) {
    pen.beginPath();
    pen.moveTo(penPosition.x, penPosition.y);
    pen.lineTo(to.x, to.y);
    pen.stroke();
    penPosition = to;
  }

  function pointerPosition(event) {
    const box = drawing.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * SIZE, y: ((event.clientY - box.top) / box.height) * SIZE };
  }

  drawing.addEventListener("pointerdown", (event) => {
    drawing.setPointerCapture(event.pointerId);
    isDrawing = true;
    penPosition = pointerPosition(event);
    drawLine({ ...penPosition });
  });
  drawing.addEventListener("pointermove", (event) => { if (isDrawing) drawLine(pointerPosition(event)); });
  for (const end of ["pointerup", "pointercancel"])
    drawing.addEventListener(end, () => {
      if (isDrawing) search();
      isDrawing = false;
    });
  drawing.addEventListener("keydown", (event) => {
    const step = page.arrowStep(event);
    if (!step) return;
    event.preventDefault();
    const [x, y] = [penPosition.x + 10 * step[0], penPosition.y + 10 * step[1]].map((v) => page.clamp(v, 20, SIZE - 20));
    if (event.shiftKey) drawLine({ x, y });
    penPosition = { x, y };
    caption.textContent = `Pen at ${Math.round(x / 10)}, ${Math.round(y / 10)}`;
  });

  function clear() {
    pen.clearRect(0, 0, SIZE, SIZE);
    caption.textContent = "Nearest image";
  }

  /** The drawing in the format of the training images: the length of its longer edge, and centred by its mass as MNIST. */
  function drawnPixels() {
    const ink = palingen.inkBounds(pen.getImageData(0, 0, SIZE, SIZE).data, SIZE);
    if (!ink) return null;
    const small = document.createElement("canvas"), context = small.getContext("2d");
    small.width = small.height = 28;
    context.imageSmoothingQuality = "high";
    const scale = page.metadata.inkSize / Math.max(ink.width, ink.height);
    context.drawImage(drawing, 14 - ink.x * scale, 14 - ink.y * scale, SIZE * scale, SIZE * scale);
    const { data } = context.getImageData(0, 0, 28, 28);
    return Uint8Array.from({ length: palingen.IMAGE_PIXELS }, (_, i) => data[4 * i + 3]);
  }

  function search() {
    const pixels = drawnPixels();
    if (!pixels) {
      caption.textContent = page.wording("Draw a digit first");
      return;
    }
    progress.hidden = false;
    const { model } = page.state();
    page.request({ task: "invert", model, pixels }, (answer) => {
      if (answer.cancelled) return;
      if (page.state().model !== model) { // another generator was chosen, which has latents of its own
        progress.hidden ||= answer.done;
        return;
      }
      page.paint(byId("nearest-image"), answer.pixels);
      progress.max = answer.steps;
      progress.value = answer.step;
      caption.textContent = `Nearest image: difference ${page.percent(Math.sqrt(answer.loss) / 2)}`;
      if (!answer.done) return;
      progress.hidden = true;
      page.select(answer.input);
      page.announce(page.wording("Search finished: the nearest image is the current digit"));
    });
  }

  function useTrainingDigit() {
    if (!page.trainingDigits) return;
    clear();
    exampleIndex = (exampleIndex + 137) % page.metadata.trainingLabels.length;
    const small = document.createElement("canvas");
    page.paint(small, palingen.imageAt(page.trainingDigits, exampleIndex));
    pen.imageSmoothingQuality = "high";
    pen.drawImage(small, 0, 0, SIZE, SIZE);
    search();
  }

  byId("invert").addEventListener("click", search);
  byId("clear").addEventListener("click", clear);
  byId("training-digit").addEventListener("click", useTrainingDigit);
  document.querySelector('[data-save="inversion"]').addEventListener("click", () =>
    page.savePng("nearest-image", [byId("nearest-image")], 16));
});
