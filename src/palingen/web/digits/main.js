// Start of the digits: the first generator's weights, the panels, then the remaining weights.
"use strict";
(function (palingen) {
  const { page } = palingen;

  page.isIdle = () => page.allAnswered() && page.isLinkWritten();

  const parsed = new Promise((resolve) => {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", resolve);
    else resolve();
  });

  async function start() {
    page.loadWeights("first-weights");
    page.rewordTemplate();
    for (const panel of page.panels) panel();
    page.notify(["z", "a", "b", "c"]); // those that the link holds
    await parsed;
    page.trainingDigits = (await page.loadRemainingWeights()).trainingDigits;
    page.notify(["trainingDigits"]);
  }

  palingen.tabs.register("digits", { start, link: page.link });
})(globalThis.palingen);
