// Confidence of several networks in the right digit, over the same palindrome.
"use strict";
palingen.memory.panels.push(() => {
  const { memory, page } = palingen, canvas = page.byId("confidence"), note = page.byId("confidence-note");

  /** Probability of the right digit at every step, as points of a chart. */
  memory.confidence = function confidence(network, digits) {
    const { probabilities, steps } = palingen.readAlong(network, digits);
    return Array.from({ length: steps }, (_, t) => [t + 1, probabilities[10 * t + digits[0]]]);
  };

  function draw() {
    const digits = memory.inputs(), { networks } = memory.family();
    const series = networks.map((entry, i) => ({
      name: memory.legend(entry), points: memory.confidence(memory.final(entry), digits), colour: entry.config.cell,
      dash: networks.slice(0, i).some(({ config }) => config.cell === entry.config.cell),
    }));
    const marks = [{ y: 0.1, label: "guess" }];
    if (memory.state().step !== null) marks.push({ x: memory.step() + 1, strong: true });
    const y = memory.percentAxis(`probability of the right digit, ${digits[0]}`);
    memory.drawChart(canvas, { x: { label: "step", min: 1, max: digits.length }, y, series, marks });
    const last = series.map(({ name, points }) => `${name} ${memory.percent(points.at(-1)[1])}`).join(", ");
    note.textContent = `At the last step: ${last}.`;
    canvas.setAttribute("aria-label", `Probability of the right digit over ${digits.length} steps. At the last step: ${last}.`);
  }

  memory.connectFamilies();
  memory.panel("side-by-side", ["net", "length", "seed", "half", "family", "networks", "step"], draw);
  memory.savePanel("side-by-side", ["confidence"]);
});
