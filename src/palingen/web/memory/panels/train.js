// Training on the page, in a worker for each network; its curves, its file, and files of others.
"use strict";
palingen.memory.panels.push(() => {
  const { memory, page } = palingen, { byId } = page, start = byId("train-start"), stop = byId("train-stop"), result = byId("train-result");
  const clients = { a: memory.createClient(), b: memory.createClient() };
  let runs = []; // { racer, settings, id, points, stages, latest }

  function begin() {
    const racers = memory.state().race ? ["a", "b"] : ["a"];
    runs = racers.map((racer) => ({ racer, settings: memory.trainSettings(racer), points: [], stages: [], latest: null }));
    for (const run of runs) {
      const message = { task: "train", settings: { ...run.settings, curriculum: Boolean(run.settings.curriculum) } };
      run.id = clients[run.racer].request(message, (answer) => receive(run, answer));
    }
    start.hidden = true;
    stop.hidden = false;
    showProgress();
  }

  function receive(run, answer) {
    if (!runs.includes(run)) return;
    run.latest = answer;
    run.points.push(...answer.points);
    if (answer.snapshot) run.stages.push(answer.snapshot);
    if (answer.done) finish(run);
    showProgress();
    memory.notify(["curves"]);
  }

  const nameOf = ({ racer, settings }) => `${memory.CELL_NAMES[settings.cell]} ${racer.toUpperCase()}, T = ${settings.length}`;

  /** Put a trained network into all panels. */
  function finish(run) {
    const { settings, latest } = run, untrained = palingen.initNetwork(settings);
    const stages = [{ name: "before training", network: untrained }, ...run.stages].map(({ name, network }) => ({ name, network: () => network }));
    memory.addNetwork({
      name: `trained-${run.racer}`, origin: "here", config: palingen.trainingConfig({ ...settings, steps: latest.step }), stages,
      score: {
        seeds: [{ seed: settings.seed, accuracy: latest.test, steps: latest.step, seconds: latest.seconds, by_length: [] }], lengths: [], n: [],
        commands: ["Train here, on this page"], environment: {},
      },
    });
    if (runs.every(({ latest: answer }) => answer?.done)) {
      start.hidden = false;
      stop.hidden = true;
    }
    if (run === runs[0]) memory.setState({ net: `trained-${run.racer}`, length: null, step: null, off: "", stage: null, family: null, reach: null });
    memory.notify(["networks"]);
    memory.notify(["net"]);
  }

  function showProgress() {
    result.textContent = runs.map((run) => {
      const { latest, settings } = run;
      if (!latest) return `${nameOf(run)}: starting`;
      const length = settings.curriculum && latest.length < settings.length ? `, training on T = ${latest.length}` : "";
      const steps = `${latest.step.toLocaleString("en")} steps`;
      const accuracy = latest.test === null ? "not measured yet" : memory.percent(latest.test);
      return `${nameOf(run)}: ${accuracy} after ${steps}, ${latest.seconds.toFixed(0)} s${length}`;
    }).join(" · ");
    result.dataset.done = String(runs.length > 0 && runs.every(({ latest }) => latest?.done));
  }

  /** Axis of a curve: the given one, or from 0 (on a logarithmic axis, from a power of ten) to the largest value. */
  function rangeOf(values, { log = false, ...axis }) {
    if (axis.max) return axis;
    const top = Math.max(...values, log ? 1 : 0.1), low = Math.max(Math.min(...values, 0.1), 1e-6);
    if (!log) return { min: 0, max: 1.05 * top };
    return { min: 10 ** Math.floor(Math.log10(low)), max: 10 ** Math.ceil(Math.log10(top)), log };
  }

  /** One curve of every run, by step. */
  function drawCurve(id, label, name, axis = {}) {
    const series = runs.map((run) => ({
      name: runs.length > 1 ? nameOf(run) : "", colour: run.settings.cell, dash: run.racer === "b",
      points: run.points.map((point) => [point.step, point[name]]),
    }));
    const points = series.flatMap((line) => line.points), range = rangeOf(points.map(([, v]) => v), axis);
    const x = { label: "step", min: 0, max: Math.max(100, ...points.map(([step]) => step)) };
    memory.drawChart(byId(id), { x, y: { label, ...range }, series, height: 210 });
    const values = series.map(({ name: title, points: all }) =>
      `${title} ${all.length ? memory.formatNumber(Number(all.at(-1)[1].toPrecision(3))) : "no value yet"}`);
    byId(id).setAttribute("aria-label", `${label}: ${values.join(", ")}`);
  }

  function draw() {
    byId("curves").hidden = !runs.length;
    if (!runs.length) return;
    drawCurve("curve-loss", "training loss (cross-entropy)", "loss");
    const { label, ...axis } = memory.percentAxis("accuracy on unseen palindromes");
    drawCurve("curve-accuracy", label, "test", axis);
    drawCurve("curve-norm", "gradient norm before clipping", "gradientNorm", { log: true });
  }

  start.addEventListener("click", begin);
  stop.addEventListener("click", () => { for (const run of runs) clients[run.racer].cancel(run.id); });
  byId("save-network").addEventListener("click", () => {
    const entry = memory.current(), bytes = palingen.writeSafetensors(memory.final(entry), entry.config);
    page.download(new Blob([bytes]), `palingen-${entry.config.cell}-T${entry.config.length}.safetensors`);
  });
  byId("load-network").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    if (!file) return;
    try {
      const { network, config } = palingen.readSafetensors(await file.arrayBuffer()), name = file.name.replaceAll(/\.safetensors$|[^-\w.]/g, "");
      memory.addNetwork({
        name, origin: "here", config, stages: [{ name: "as loaded", network: () => network }],
        score: { seeds: [], lengths: [], n: [], commands: [`loaded from ${file.name}`], environment: {} },
      });
      memory.setState({ net: name, length: null, step: null, off: "", stage: null, family: null, reach: null });
      memory.notify(["networks", "net"]);
      page.announce(`Loaded ${file.name}`);
    } catch (error) {
      page.announce(`${file.name} cannot be loaded: ${error.message}`);
    }
    target.value = ""; // so that the same file, written again, can be chosen again
  });
  memory.panel("train", ["curves"], draw);
  memory.savePanel("train", ["curve-loss", "curve-accuracy", "curve-norm"]);
});
