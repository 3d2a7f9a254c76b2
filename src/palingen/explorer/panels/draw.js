// Draw a digit, and find the latents from which the generator comes nearest to it.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, pad = byId("pad"), pen = pad.getContext("2d", { willReadFrequently: true });
  const bar = byId("search"), words = byId("found-words");
  let drawing = false, at = { x: 140, y: 140 }, lent = 0;

  pen.lineWidth = 22;
  pen.lineCap = pen.lineJoin = "round";

  function stroke(to) {
    pen.beginPath();
    pen.moveTo(at.x, at.y);
    pen.lineTo(to.x, to.y);
    pen.stroke();
    at = to;
  }

  function place(event) {
    const box = pad.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * 280, y: ((event.clientY - box.top) / box.height) * 280 };
  }

  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    drawing = true;
    at = place(event);
    stroke({ ...at });
  });
  pad.addEventListener("pointermove", (event) => { if (drawing) stroke(place(event)); });
  for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => { if (drawing) find(); drawing = false; });
  pad.addEventListener("keydown", (event) => {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const inside = (v) => Math.min(260, Math.max(20, v)), to = { x: inside(at.x + 10 * step[0]), y: inside(at.y + 10 * step[1]) };
    if (event.shiftKey) stroke(to);
    at = to;
    words.textContent = `Pen at ${Math.round(at.x / 10)}, ${Math.round(at.y / 10)}`;
  });

  function wipe() {
    pen.clearRect(0, 0, 280, 280);
    words.textContent = "The generator's nearest";
  }

  /** The drawing as MNIST lays digits out: 20 pixels along its longer edge, its centre of mass in the middle. */
  function target() {
    const ink = pen.getImageData(0, 0, 280, 280).data, box = palingen.inkBox(ink, 280);
    if (!box) return null;
    const small = document.createElement("canvas"), brush = small.getContext("2d");
    small.width = small.height = 28;
    brush.imageSmoothingQuality = "high";
    const scale = 20 / Math.max(box.width, box.height);
    brush.drawImage(pad, 14 - box.x * scale, 14 - box.y * scale, 280 * scale, 280 * scale);
    const grey = brush.getImageData(0, 0, 28, 28).data;
    return Uint8Array.from({ length: 784 }, (_, i) => grey[4 * i + 3]);
  }

  function find() {
    const pixels = target();
    if (!pixels) { words.textContent = "Draw something first"; return; }
    bar.hidden = false;
    page.ask({ task: "search", model: page.view().m, pixels }, (answer) => {
      if (answer.dropped) return;
      page.paint(byId("found"), answer.pixels);
      bar.max = answer.steps;
      bar.value = answer.step;
      words.textContent = `${(50 * Math.sqrt(answer.loss)).toFixed(0)} % away`;
      if (!answer.done) return;
      bar.hidden = true;
      page.choose(answer.input);
      page.say("Found; it is your digit now");
    });
  }

  byId("find").addEventListener("click", find);
  byId("wipe").addEventListener("click", wipe);
  byId("lend").addEventListener("click", () => {
    if (!page.bank) return;
    wipe();
    const i = (lent = (lent + 137) % (page.bank.length / 784)), small = document.createElement("canvas");
    page.paint(small, page.bank.subarray(784 * i, 784 * i + 784));
    pen.imageSmoothingQuality = "high";
    pen.drawImage(small, 0, 0, 280, 280);
    find();
  });
  document.querySelector('[data-save="draw"]').addEventListener("click", () => page.save("found", [byId("found")], 16));
});
