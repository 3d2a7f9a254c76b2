// Your digit: the picture that all panels share, and the three pins.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, canvas = byId("mine");

  const select = byId("model");
  page.card.models.forEach(({ name }, i) => select.add(new Option(name, String(i))));
  byId("model-label").hidden = page.card.models.length < 2;
  select.addEventListener("change", () => page.set({ m: Number(select.value), z: null, a: null, b: null, c: null, s: "", k: -1, f: -1 }));

  const draw = () => {
    const inputs = page.mine();
    if (!inputs) return;
    page.askLatest("mine", { task: "draw", model: page.view().m, inputs, count: 1, judged: true }, ({ pixels, verdicts }) => {
      page.paint(canvas, pixels);
      byId("mine-verdict").textContent = page.words(verdicts[0]);
      canvas.setAttribute("aria-label", `Your digit: ${page.words(verdicts[0])}`);
      document.dispatchEvent(new CustomEvent("mine", { detail: { pixels, verdict: verdicts[0] } }));
    });
  };
  page.on(["z", "s", "m"], draw);

  for (const button of document.querySelectorAll("[data-pin]")) {
    const name = button.dataset.pin, picture = button.querySelector("canvas");
    button.addEventListener("click", () => {
      page.set({ [name]: palingen.pack(page.mine()) });
      page.say(`Pinned as ${name.toUpperCase()}`);
    });
    page.on([name, "m"], () => {
      const inputs = page.input(name);
      if (inputs) page.ask({ task: "draw", model: page.view().m, inputs, count: 1 }, ({ pixels }) => page.paint(picture, pixels));
    });
  }

  const show = () => { select.value = String(page.view().m); byId("latent-dim").textContent = String(page.model().latentDim); };
  page.on(["m"], show);
  show();
  byId("mine-save").addEventListener("click", () => page.save("digit", [canvas], 16));
  byId("link").addEventListener("click", async () => {
    const url = location.href.split("#")[0] + palingen.formatView(page.view());
    try {
      await navigator.clipboard.writeText(url);
      page.say("Copied: the link opens this very view");
    } catch {
      history.replaceState(null, "", url);
      page.say("The address bar holds the link to this very view");
    }
  });
});
