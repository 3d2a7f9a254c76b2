// Start of the page: the first generator's weights, the panels, then the remaining weights.
"use strict";
(function (palingen) {
  const { page } = palingen;

  page.isIdle = () => page.allAnswered() && page.isLinkWritten();

  page.loadWeights("first-weights");
  for (const panel of page.panels) panel();
  page.notify(["z", "a", "b", "c"]); // those that the link holds

  document.addEventListener("DOMContentLoaded", async () => {
    page.trainingDigits = (await page.loadRemainingWeights()).trainingDigits;
    page.notify(["trainingDigits"]);
  });
})(globalThis.palingen);
