// How much of the loss reaches each step, before and after training, for several networks.
"use strict";
palingen.memory.panels.push(() => {
  const { memory, page } = palingen, canvas = page.byId("gradient-plot"), note = page.byId("gradient-note");
  const FLOOR = 1e-12, MAX_LENGTH = 200;
  const measured = new Map(); // norms by network, stage and length

  const length = () => Math.min(MAX_LENGTH, memory.family().networks[0].config.length);
  const keyOf = (entry, stage) => `${entry.id} ${stage} ${length()}`;

  /** Stages that are compared: before training, and after it. */
  const stagesOf = (entry) => [...new Set([0, entry.stages.length - 1])];

  function draw() {
    const series = [], results = [], { networks } = memory.family();
    for (const entry of networks)
      for (const stage of stagesOf(entry)) {
        const norms = measured.get(keyOf(entry, stage));
        if (!norms) {
          request(entry, stage);
          continue;
        }
        const isTrained = stage === entry.stages.length - 1, name = `${memory.legend(entry)}, ${isTrained ? "trained" : "untrained"}`;
        series.push({ name, colour: memory.colourIn(networks, entry), dash: !isTrained, points: Array.from(norms, (v, t) => [t + 1, v]) });
        const last = norms.at(-1), ratio = last ? memory.formatNumber(Number((norms[0] / last).toPrecision(2))) : "no gradient";
        results.push(`${name} ${ratio}`);
      }
    const values = series.flatMap(({ points }) => points.map(([, v]) => Math.max(v, FLOOR)));
    const min = 10 ** Math.floor(Math.log10(Math.min(0.1, ...values))), max = 10 ** Math.ceil(Math.log10(Math.max(1, ...values)));
    memory.drawChart(canvas, {
      x: { label: `step of a palindrome of ${length()} digits`, min: 1, max: length() - 1 },
      y: { label: "norm of the gradient that reaches the memory (c, or h where there is none)", min, max, log: true }, series, height: 300,
    });
    note.textContent = results.length ? `First step over last step: ${results.join("; ")}.` : "Measuring …";
    canvas.setAttribute("aria-label", `Gradient norm at every step. First step over last: ${results.join("; ")}`);
  }

  function request(entry, stage) {
    const key = keyOf(entry, stage), message = { task: "gradient", network: entry.stages[stage].network(), length: length(), seed: 5 };
    memory.measure(`gradient ${key}`, message, ({ norms }) => {
      measured.set(key, norms);
      memory.notify(["gradients"]);
    });
  }

  memory.panel("gradient", ["net", "family", "networks", "gradients"], draw);
  memory.savePanel("gradient", ["gradient-plot"]);
});
