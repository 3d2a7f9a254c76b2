// The same latents at moments of the training.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, slider = byId("frame"), sheet = byId("frames");
  let frames = [], time = 0;

  function build() {
    frames = page.model().frames.map(({ name, images }) => ({ name, pixels: palingen.greys(images) }));
    slider.max = String(frames.length - 1);
    show();
  }

  function show() {
    const { f } = page.view(), i = f >= 0 && f < frames.length ? f : frames.length - 1;
    slider.value = String(i);
    slider.setAttribute("aria-valuetext", frames[i].name);
    byId("frame-name").textContent = frames[i].name;
    page.paint(sheet, frames[i].pixels, 5, 2);
    sheet.setAttribute("aria-label", `Twenty-five pictures, ${frames[i].name}`);
  }

  page.player(byId("train"), (seconds) => {
    time += seconds;
    if (time < 0.6) return;
    time = 0;
    page.set({ f: (Number(slider.value) + 1) % frames.length });
  });
  slider.addEventListener("input", () => page.set({ f: Number(slider.value) }));
  document.querySelector('[data-save="learning"]').addEventListener("click", () => page.save("learning", [sheet], 4));
  page.on(["m"], build);
  page.on(["f"], show);
  build();
});
