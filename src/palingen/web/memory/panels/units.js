// Which units hold the first digit, and what becomes of the accuracy when units are switched off.
"use strict";
palingen.memory.panels.push(() => {
  const { memory, page } = palingen, { byId } = page, canvas = byId("unit-map"), group = byId("unit-buttons"), result = byId("unit-accuracy");
  const COUNT = 200, SEED = 11;
  let baseline = { key: null, accuracy: null }; // with all units
  let masked = { key: null, accuracy: null, count: COUNT }; // with some units off

  const H = () => memory.current().config.hidden_size;

  /** What each unit knows at the last step, or nothing before it is measured. */
  function knowledge() {
    const scores = memory.scores();
    return scores ? scores.subarray(scores.length - H()) : null;
  }

  function draw() {
    memory.requestScores();
    const scores = memory.scores(), length = memory.scoresLength(), known = knowledge();
    listUnits(known);
    if (!scores) return;
    const order = Array.from(known.keys()).sort((a, b) => known[b] - known[a]);
    const map = {
      label: "known of the first digit", values: scores, rows: H(), order, low: 0, high: 1, kind: "sequential",
      height: Math.max(110, Math.min(200, 3 * H())),
    };
    memory.drawHeatmaps(canvas, [map], { steps: length - 1 });
    const holders = known.filter((v) => v > 0.5).length;
    canvas.setAttribute("aria-label", `${holders} of ${H()} units know more than half of the first digit at the last step`);
    measureAccuracy();
  }

  function listUnits(known) {
    const off = memory.unitsOff();
    if (group.children.length !== H())
      group.replaceChildren(...Array.from({ length: H() }, (_, unit) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = String(unit);
        button.tabIndex = unit ? -1 : 0;
        return button;
      }));
    const table = memory.palette("sequential"), strongest = 100; // of 255, so that the numbers stay legible
    [...group.children].forEach((button, unit) => {
      const level = Math.round(strongest * (known?.[unit] ?? 0)), [r, g, b] = table.subarray(3 * level, 3 * level + 3);
      button.style.setProperty("--unit", `rgb(${r} ${g} ${b})`);
      button.setAttribute("aria-pressed", String(off.has(unit)));
      const knows = known ? `knows ${memory.percent(known[unit])}` : "not measured yet";
      button.setAttribute("aria-label", `unit ${unit}, ${knows}${off.has(unit) ? ", off" : ""}`);
    });
  }

  function measureAccuracy() {
    const off = memory.unitsOff(), network = memory.final(memory.current()), length = memory.scoresLength();
    const mask = Float32Array.from({ length: H() }, (_, unit) => (off.has(unit) ? 0 : 1));
    const key = `${memory.current().id} ${length}`, maskKey = `${key} ${memory.state().off}`;
    const message = { task: "accuracy", network, length, count: COUNT, seed: SEED };
    if (baseline.key !== key) {
      baseline = { key, accuracy: null };
      memory.measure("baseline", message, ({ accuracy, done }) => { if (done) { baseline.accuracy = accuracy; show(); } });
    }
    if (off.size && masked.key !== maskKey) {
      masked = { key: maskKey, accuracy: null, count: COUNT };
      memory.measure("units off", { ...message, mask }, ({ accuracy, count }) => { masked = { key: maskKey, accuracy, count }; show(); });
    }
    show();
  }

  /** Write the accuracy of the network as it is now, as far as it is measured. */
  function show() {
    const off = memory.unitsOff(), length = memory.scoresLength();
    const isMeasured = masked.key === `${baseline.key} ${memory.state().off}`;
    const percent = (accuracy) => (accuracy === null ? "…" : memory.percent(accuracy)), all = percent(baseline.accuracy);
    result.textContent = off.size
      ? `${off.size} of ${H()} units off: ${percent(isMeasured ? masked.accuracy : null)} of ${masked.count} random palindromes with ${length} digits; ${all} with all units.`
      : `All units on: ${all} of ${COUNT} random palindromes with ${length} digits.`;
  }

  const setOff = (units) => memory.setState({ off: [...units].sort((a, b) => a - b).join(".") });

  group.addEventListener("click", ({ target }) => {
    const unit = [...group.children].indexOf(target.closest("button")), off = memory.unitsOff();
    if (unit < 0) return;
    if (!off.delete(unit)) off.add(unit);
    setOff(off);
  });
  byId("off-best").addEventListener("click", () => {
    const known = knowledge(), off = memory.unitsOff();
    if (!known) return;
    const best = Array.from(known.keys()).filter((unit) => !off.has(unit)).sort((a, b) => known[b] - known[a]).slice(0, 5);
    setOff(new Set([...off, ...best]));
  });
  byId("off-random").addEventListener("click", () => {
    const off = memory.unitsOff(), next = palingen.uniform(off.size + 31 * memory.state().seed);
    for (let tries = 0, added = 0; added < 5 && off.size < H() && tries < 1000; tries++) {
      const unit = Math.floor(H() * next());
      if (!off.has(unit)) { off.add(unit); added++; }
    }
    setOff(off);
  });
  byId("off-none").addEventListener("click", () => setOff(new Set()));
  page.rovingTabindex(group, () => Math.max(1, [...group.children].findIndex((button) => button.offsetTop > group.firstElementChild.offsetTop)));
  memory.panel("units", ["net", "length", "scores", "off", "networks"], draw);
  memory.savePanel("units", ["unit-map"]);
});
