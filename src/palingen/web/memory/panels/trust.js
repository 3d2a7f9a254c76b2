// Trust card: accuracy over seeds and lengths, and how the network was made.
"use strict";
palingen.memory.panels.push(() => {
  const { memory, page } = palingen, { byId } = page;

  /** An element with text or children. */
  function make(tag, ...children) {
    const element = document.createElement(tag);
    element.append(...children);
    return element;
  }

  function table(caption, head, rows) {
    const header = head.map((text) => Object.assign(make("th", text), { scope: "col" }));
    const body = rows.map(([first, ...cells]) => {
      const name = Object.assign(make("th", first), { scope: "row" });
      return make("tr", name, ...cells.map((text) => make("td", text)));
    });
    const element = make("table", make("thead", make("tr", ...header)), make("tbody", ...body));
    const box = make("div", make("h3", caption), element);
    box.tabIndex = 0; // a wide table is scrolled with the keyboard
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", caption);
    return box;
  }

  const seconds = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en")} s`;

  function seedTable({ seeds }) {
    const rows = seeds.map(({ seed, accuracy, steps, seconds: time }) =>
      [`seed ${seed}`, `${(100 * accuracy).toFixed(2)} %`, steps.toLocaleString("en"), seconds(time)]);
    return table("Accuracy on unseen palindromes of the trained length", ["", "right answers", "steps", "time"], rows);
  }

  function lengthTable({ seeds, lengths }) {
    const rows = lengths.map((length, i) => {
      const values = seeds.map(({ by_length: measured }) => measured[i]).sort((a, b) => a - b), median = values[Math.floor(values.length / 2)];
      return [`T = ${length.toLocaleString("en")}`, ...[values[0], median, values.at(-1)].map((v) => `${(100 * v).toFixed(1)} %`)];
    });
    const caption = `Accuracy by length: lowest, median and highest of ${seeds.length} seed${seeds.length === 1 ? "" : "s"}`;
    return table(caption, ["", "lowest", "median", "highest"], rows);
  }

  const LABELS = {
    commit: "commit", torch: "torch", python: "Python", system: "system", processor: "processor", engine: "engine", threads: "threads",
  };

  function record({ commands, environment }, config) {
    const list = document.createElement("dl");
    const add = (name, value) => list.append(make("dt", name), make("dd", value));
    for (const command of commands) add("made by", command.startsWith("palingen ") ? make("code", command) : command);
    add("cell and units", `${config.cell}, ${config.hidden_size}`);
    add("input", config.input_encoding);
    add("optimiser", `${config.optimizer}, learning rate ${config.learning_rate}, gradient norm at most ${config.max_grad_norm}`);
    add("batch", String(config.batch_size));
    const { forget_bias_init: bias = null, num_samples: samples, train_fraction: fraction } = config;
    add("initialisation", `${config.orthogonal_init ? "orthogonal" : "uniform"}${bias === null ? "" : `, forget bias ${bias}`}`);
    add("data", config.online_data
      ? "new palindromes at every step"
      : `${samples.toLocaleString("en")} palindromes, ${100 * fraction} % for training`);
    add("curriculum", config.curriculum_threshold ? `lengthened at ${100 * config.curriculum_threshold} % accuracy` : "none");
    for (const [key, label] of Object.entries(LABELS)) if (environment[key] !== undefined) add(label, String(environment[key]));
    return make("div", make("h3", "Record"), list);
  }

  function draw() {
    const entry = memory.current(), { score, config } = entry, count = score.seeds.length;
    byId("trust-text").textContent = count
      ? `${memory.title(entry)}. ${count > 1 ? `Trained with ${count} seeds; the page shows the first, whatever its accuracy.` : "One training."}`
      : `${memory.title(entry)}. Nothing is known of its accuracy but what this page measures.`;
    const tables = [count && seedTable(score), score.lengths.length && lengthTable(score), record(score, config)];
    byId("trust-tables").replaceChildren(...tables.filter(Boolean));
  }

  memory.subscribe(["net", "networks"], draw); // drawn at once, so that the Tab key finds its tables
  draw();
});
