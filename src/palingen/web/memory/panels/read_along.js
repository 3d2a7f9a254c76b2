// Reading along: answers, states and gates at every step, with a cursor to move.
"use strict";
palingen.memory.panels.push(() => {
  const { memory, page } = palingen, { byId } = page, slider = byId("step"), maps = byId("read-maps"), overlay = byId("read-cursor");
  const WINDOW = 9; // digits to each side of the cursor
  const NAMES = {
    c: "memory c", h: "hidden state h", i: "input gate i", f: "forget gate f", g: "candidate g", o: "output gate o",
    r: "reset gate r", z: "update gate z (keeps the past)", n: "candidate n",
  };
  const SIGNED = ["c", "h", "g", "n"];
  let layout = null;

  const bars = Array.from({ length: 10 }, (_, digit) => {
    const bar = document.createElement("li");
    bar.innerHTML = `<span>${digit}</span><i></i><span></span>`;
    return byId("answer-bars").appendChild(bar);
  });

  /** Order of the units from the top. */
  memory.unitOrder = function unitOrder({ states, gates, steps }, scores) {
    const { config } = memory.current(), H = config.hidden_size, values = states.c ?? states.h, { sort } = memory.state();
    const keep = gates[palingen.CELLS[config.cell].forgetGate], key = new Float64Array(H);
    for (let j = 0; j < H; j++) {
      if (sort === "index") key[j] = -j;
      else if (sort === "now") key[j] = values[memory.step() * H + j];
      else if (sort === "first") key[j] = scores ? scores[(scores.length / H - 1) * H + j] : -j;
      else for (let t = 0; t < steps; t++) key[j] += keep ? keep[t * H + j] : Math.abs(values[t * H + j]);
    }
    return Array.from(key.keys()).sort((a, b) => key[b] - key[a]);
  };

  /** Heat maps of all states and gates of a reading. */
  memory.stateMaps = function stateMaps({ states, gates }, order, H, names = null) {
    const parts = { ...(states.c ? { c: states.c } : {}), h: states.h, ...gates };
    return Object.entries(parts).filter(([name]) => !names || names.includes(name)).map(([name, values]) => {
      const isSigned = SIGNED.includes(name), limit = name === "c" ? Math.ceil(values.reduce((max, v) => Math.max(max, Math.abs(v)), 0.5)) : 1;
      return {
        label: NAMES[name], values, rows: H, order, kind: isSigned ? "diverging" : "sequential",
        low: isSigned ? -limit : 0, high: limit, height: Math.max(64, Math.min(110, 1.5 * H)),
      };
    });
  };

  /** Heat map of the ten probabilities at every step. */
  memory.answerMap = ({ probabilities }) => ({
    label: "probability of each answer", values: probabilities, rows: 10, low: 0, high: 1, kind: "sequential", height: 110, names: [..."0123456789"],
  });

  function draw() {
    const reading = memory.reading(), H = memory.current().config.hidden_size;
    const order = memory.unitOrder(reading, memory.scores());
    layout = memory.drawHeatmaps(maps, [memory.answerMap(reading), ...memory.stateMaps(reading, order, H)], { steps: reading.steps });
    maps.setAttribute("aria-label", `Answers, states and gates of ${H} units over ${reading.steps} steps`);
    slider.max = String(reading.steps);
    moveCursor();
    if (memory.state().sort === "first") memory.requestScores();
    if (!performance.getEntriesByName("first picture").length) requestAnimationFrame(() => performance.mark("first picture"));
  }

  function moveCursor() {
    if (!layout) return;
    const { probabilities, steps } = memory.reading(), step = memory.step(), digits = memory.inputs();
    memory.drawCursor(overlay, layout, steps, step);
    slider.value = String(step + 1);
    byId("step-value").textContent = `${step + 1} of ${steps}, reads ${digits[step]}`;
    slider.setAttribute("aria-valuetext", `step ${step + 1} of ${steps}, reads ${digits[step]}`);
    showWindow(digits, step);
    bars.forEach((bar, digit) => {
      const probability = probabilities[10 * step + digit];
      bar.children[1].style.setProperty("--probability", String(probability));
      bar.lastChild.textContent = memory.percent(probability);
    });
  }

  function showWindow(digits, step) {
    const part = (from, to) => Array.from({ length: to - from }, (_, i) => digits[from + i] ?? "\u00a0").join("");
    const mark = document.createElement("b");
    mark.textContent = String(digits[step]);
    byId("window").replaceChildren(part(step - WINDOW, step), mark, part(step + 1, step + 1 + WINDOW));
  }

  const setStep = (step) => memory.setState({ step: page.clamp(step, 1, memory.length() - 1) });

  slider.addEventListener("input", () => setStep(Number(slider.value)));
  byId("sort").addEventListener("change", ({ target }) => memory.setState({ sort: target.value }));
  const stack = maps.parentElement;
  const point = (event) => {
    const x = event.clientX - stack.getBoundingClientRect().left - layout.left;
    setStep(1 + Math.floor((x / layout.width) * memory.reading().steps));
  };
  stack.addEventListener("pointerdown", (event) => { stack.setPointerCapture(event.pointerId); point(event); });
  stack.addEventListener("pointermove", (event) => { if (event.buttons) point(event); });

  let elapsed = 0;
  page.playButton(byId("read-play"), (seconds) => {
    const perSecond = Math.max(6, memory.reading().steps / 12), whole = Math.floor((elapsed += seconds) * perSecond);
    if (!whole) return;
    elapsed = 0;
    const next = memory.step() + 1 + whole;
    setStep(next > memory.length() - 1 ? 1 : next);
  });

  const showSort = () => { byId("sort").value = memory.state().sort; };
  memory.panel("read-along", ["net", "length", "seed", "half", "sort", "scores"], draw);
  memory.subscribe(["step"], () => {
    if (byId("lab-memory").hidden) return; // a hidden canvas has no width
    if (memory.state().sort === "now") draw(); else moveCursor();
  });
  memory.subscribe(["sort"], showSort);
  showSort();
  memory.savePanel("read-along", ["read-maps"]);
});
