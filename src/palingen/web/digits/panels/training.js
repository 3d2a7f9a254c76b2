// Images of the same latents at stages of the training.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, slider = byId("snapshot"), canvas = byId("snapshot-images");
  const SECONDS_PER_SNAPSHOT = 0.6;
  let snapshots = [], elapsed = 0;

  function build() {
    snapshots = page.model().snapshots.map(({ name, images }) => ({ name, pixels: palingen.decodeGray4(images) }));
    slider.max = String(snapshots.length - 1);
    show();
  }

  function show() {
    const { name, pixels } = snapshots[page.state().snapshot] ?? snapshots.at(-1);
    slider.value = String(snapshots.findIndex((snapshot) => snapshot.pixels === pixels));
    slider.setAttribute("aria-valuetext", name);
    byId("snapshot-name").textContent = name;
    page.paint(canvas, pixels, 5, 2);
    canvas.setAttribute("aria-label", `25 images ${name}`);
  }

  page.playButton(byId("play-training"), (seconds) => {
    elapsed += seconds;
    if (elapsed < SECONDS_PER_SNAPSHOT) return;
    elapsed = 0;
    page.setState({ snapshot: (Number(slider.value) + 1) % snapshots.length });
  });
  slider.addEventListener("input", () => page.setState({ snapshot: Number(slider.value) }));
  document.querySelector('[data-save="training"]').addEventListener("click", () => page.savePng("training", [canvas], 4));
  page.subscribe(["model"], build);
  page.subscribe(["snapshot"], show);
  build();
});
