// Accuracy on palindromes of any length.
"use strict";
palingen.memory.panels.push(() => {
  const { memory, page } = palingen, { byId } = page, slider = byId("reach"), canvas = byId("reach-plot"), result = byId("reach-result");
  const COUNT = 200, GRID_COUNT = 100, SEED = 3, MIN = 5, MAX = 1000, FAR = [2000, 5000, 10000];
  const GRID = [5, 10, 20, 30, 50, 100, 200, 300, 500, 1000];
  const points = new Map(); // by network: a map from length to { accuracy, interval }
  let far = new Set();
  let running = null; // { key, length, accuracy, interval } of a measurement that has not ended

  const key = () => memory.current().id;
  const known = () => points.get(key()) ?? points.set(key(), new Map()).get(key());
  const reach = () => memory.state().reach ?? Math.min(MAX, memory.current().config.length);

  // The slider is logarithmic: equal ways are equal factors.
  const toLength = (position) => Math.round(MIN * (MAX / MIN) ** (position / 1000));
  const toPosition = (length) => Math.round((1000 * Math.log(length / MIN)) / Math.log(MAX / MIN));

  function draw() {
    const partial = running?.key === key() && !known().has(running.length) ? [[running.length, running]] : [];
    const entries = [...known(), ...partial].sort(([a], [b]) => a - b), isFar = far.has(key()), trained = memory.current().config.length;
    slider.value = String(toPosition(reach()));
    byId("reach-value").textContent = String(reach());
    slider.setAttribute("aria-valuetext", `${reach()} digits`);
    const line = entries.map(([length, { accuracy }]) => [length, accuracy]);
    const bars = entries.map(([length, { accuracy, interval }]) => [length, accuracy, ...interval]);
    const { cell } = memory.current().config, ticks = isFar ? [5, 10, 100, 1000, 10000] : [5, 10, 30, 100, 300, 1000];
    memory.drawChart(canvas, {
      x: { label: "length T of the palindromes (logarithmic)", min: MIN, max: isFar ? 10000 : MAX, log: true, ticks },
      y: memory.percentAxis(`right answers of ${GRID_COUNT} to ${COUNT} random palindromes, with 95 % interval`),
      series: [{ points: line, colour: cell }, { points: bars, colour: cell, dots: true }],
      marks: [{ x: trained, label: `trained on T = ${trained}` }, { y: 0.1, label: "guess" }, { x: reach(), strong: true }],
    });
    const texts = line.map(([length, accuracy]) => `${length} digits ${memory.percent(accuracy)}`);
    canvas.setAttribute("aria-label", `Accuracy by length: ${texts.join(", ")}`);
  }

  function measureHere() {
    const length = reach(), message = { task: "accuracy", network: memory.final(memory.current()), length, count: COUNT, seed: SEED };
    const measured = known(), network = key();
    running = null;
    memory.measure("reach", message, ({ accuracy, interval: [low, high], count, done }) => {
      if (done) measured.set(length, { accuracy, interval: [low, high] });
      else running = { key: network, length, accuracy, interval: [low, high] };
      result.textContent = `T = ${length}: ${memory.percent(accuracy)} of ${count} palindromes (${memory.percent(low)} to ${memory.percent(high)})`;
      memory.notify(["lengths"]);
      if (done) measureNext();
    });
  }

  /** Measure the lengths of the grid that are missing, one after the other. */
  function measureNext() {
    const measured = known(), length = [...GRID, ...(far.has(key()) ? FAR : [])].find((value) => !measured.has(value));
    if (!length) return;
    const message = { task: "accuracy", network: memory.final(memory.current()), length, count: GRID_COUNT, seed: SEED, atOnce: length > MAX ? 4 : 20 };
    memory.measure("grid", message, ({ accuracy, interval, done }) => {
      if (!done) return;
      measured.set(length, { accuracy, interval });
      memory.notify(["lengths"]);
      measureNext();
    });
  }

  let timer = 0;
  slider.addEventListener("input", () => {
    const length = toLength(Number(slider.value));
    memory.setState({ reach: length });
  });
  byId("reach-far").addEventListener("click", () => {
    far = new Set([...far, key()]);
    draw();
    measureNext();
  });
  memory.panel("how-long", ["net", "networks", "reach"], () => {
    draw();
    clearTimeout(timer);
    timer = setTimeout(measureHere, 120); // a slider that is dragged does not ask at every pixel
  });
  memory.panel("how-long", ["lengths"], draw); // measured, maybe while the panel is not shown
  memory.savePanel("how-long", ["reach-plot"]);
});
