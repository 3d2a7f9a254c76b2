// The same palindrome, read at stages of the training.
"use strict";
palingen.memory.panels.push(() => {
  const { memory, page } = palingen, { byId } = page, slider = byId("stage"), maps = byId("stage-maps"), plot = byId("stage-plot");
  const SECONDS_PER_STAGE = 0.7;

  const stages = () => memory.current().stages;
  const stage = () => Math.min(memory.state().stage ?? Infinity, stages().length - 1);

  function draw() {
    const entry = memory.current(), digits = memory.inputs(), H = entry.config.hidden_size, index = stage();
    const { name, network } = stages()[index], reading = palingen.readAlong(network(), digits);
    slider.max = String(stages().length - 1);
    slider.value = String(index);
    slider.setAttribute("aria-valuetext", name);
    byId("stage-name").textContent = name;
    const order = memory.unitOrder(memory.reading(), memory.scores()); // of the final network, so that rows keep their place
    const states = memory.stateMaps(reading, order, H, [reading.states.c ? "c" : "h"]);
    memory.drawHeatmaps(maps, [memory.answerMap(reading), ...states], { steps: reading.steps });
    maps.setAttribute("aria-label", `Answers and memory ${name}`);
    drawConfidence(digits, index);
  }

  function drawConfidence(digits, index) {
    const compared = [...new Set([0, Math.floor((stages().length - 1) / 2), index, stages().length - 1])].sort((a, b) => a - b);
    const colours = { [compared[0]]: "off", [compared.at(-1)]: memory.current().config.cell };
    const series = compared.map((i) => ({
      name: stages()[i].name, points: memory.confidence(stages()[i].network(), digits),
      colour: i === index ? "text" : colours[i] ?? "muted", dash: i !== index,
    }));
    memory.drawChart(plot, {
      x: { label: "step", min: 1, max: digits.length }, y: memory.percentAxis(`probability of the right digit, ${digits[0]}`), series,
      marks: [{ y: 0.1, label: "guess" }], height: 220,
    });
    const [, last] = series[compared.indexOf(index)].points.at(-1);
    plot.setAttribute("aria-label", `Probability of the right digit ${stages()[index].name}: ${memory.percent(last)} at the last step`);
  }

  let elapsed = 0;
  page.playButton(byId("stage-play"), (seconds) => {
    elapsed += seconds;
    if (elapsed < SECONDS_PER_STAGE) return;
    elapsed = 0;
    memory.setState({ stage: (stage() + 1) % stages().length });
  });
  slider.addEventListener("input", () => memory.setState({ stage: Number(slider.value) }));
  memory.panel("learning", ["net", "length", "seed", "half", "stage", "sort", "scores", "networks"], draw);
  memory.savePanel("learning", ["stage-maps", "stage-plot"]);
});
