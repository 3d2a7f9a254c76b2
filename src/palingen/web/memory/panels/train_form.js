// The settings of the two trainings, A and B, as forms.
"use strict";
(function (palingen) {
  const { memory, page } = palingen;

  const FIELDS = [ // name, label, choices or attributes of a number
    ["cell", "Cell", Object.entries(memory.CELL_NAMES)],
    ["length", "Length T", { min: 5, max: 30, step: 1 }],
    ["hiddenSize", "Hidden units", { min: 8, max: 64, step: 1 }],
    ["inputSize", "Input", [["10", "one-hot"], ["1", "the digit's value"]]],
    ["optimizer", "Optimiser", [["adam", "Adam"], ["rmsprop", "RMSprop"]]],
    ["learningRate", "Learning rate", { min: 0.00001, max: 1, step: "any" }],
    ["maxGradNorm", "Clipping at norm", { min: 0.01, max: 1000, step: "any" }],
    ["forgetBias", "Forget bias", { min: -5, max: 10, step: "any" }],
    ["batchSize", "Batch", { min: 1, max: 512, step: 1 }],
    ["steps", "Steps at most", { min: 10, max: 20000, step: 10 }],
    ["seed", "Seed", { min: 0, max: 999999, step: 1 }],
  ];

  const COURSE = {
    inputSize: 1, hiddenSize: 64, optimizer: "rmsprop", learningRate: 0.001, maxGradNorm: 10, forgetBias: 0, batchSize: 128, steps: 6300,
  };

  // With one-hot digits and this rate, an RNN learns 20 digits with some seeds; with the course's input it does not.
  const LONG = { length: 20, inputSize: 1, learningRate: 0.002, forgetBias: 3, steps: 2000 };

  /** Presets: settings of A and of B. */
  const PRESETS = {
    course: [{ ...COURSE, cell: "lstm" }, { ...COURSE, cell: "rnn" }],
    fails: [{ ...LONG, cell: "rnn" }, { ...LONG, cell: "lstm" }],
    curriculum: [{ cell: "lstm", length: 30, curriculum: 1, steps: 3000 }, { cell: "lstm", length: 30, curriculum: 0, steps: 3000 }],
  };

  const DEFAULTS = { a: {}, b: { cell: "rnn" } };

  const settings = (racer) => palingen.parseSettings(memory.state()[racer], DEFAULTS[racer]);

  function control([name, , kind], id) {
    const element = document.createElement(Array.isArray(kind) ? "select" : "input");
    if (Array.isArray(kind)) for (const [value, text] of kind) element.add(new Option(text, value));
    else Object.assign(element, { type: "number", ...kind });
    Object.assign(element, { id: `${id}-${name}`, name });
    return element;
  }

  /** The form of one training; changes go into the view's state. */
  function createForm(racer) {
    const form = document.createElement("fieldset"), legend = document.createElement("legend");
    form.className = "racer";
    form.id = `racer-${racer}`;
    legend.textContent = racer.toUpperCase();
    form.append(legend, ...FIELDS.map((field) => {
      const label = document.createElement("label");
      label.append(field[1], control(field, racer));
      return label;
    }));
    const check = document.createElement("label"), box = document.createElement("input");
    Object.assign(box, { type: "checkbox", id: `${racer}-curriculum`, name: "curriculum" });
    check.className = "check";
    check.append(box, "curriculum");
    form.append(check);
    form.addEventListener("change", ({ target }) => {
      if (target.validity.rangeUnderflow || target.validity.rangeOverflow)
        page.announce(`${target.labels[0].textContent}: from ${target.min} to ${target.max}`);
      const values = Object.fromEntries([...form.elements].filter(({ name }) => name).map(({ name, value }) => [name, value]));
      memory.setState({ [racer]: palingen.formatSettings(palingen.parseSettings({ ...values, curriculum: Number(box.checked) }, settings(racer))) });
      showSettings(racer); // an invalid value changes nothing, so that nobody else would replace it
    });
    return form;
  }

  function showSettings(racer) {
    const values = settings(racer), form = page.byId(`racer-${racer}`);
    for (const element of form.elements) if (element.name && element.type !== "checkbox") element.value = String(values[element.name]);
    page.byId(`${racer}-curriculum`).checked = Boolean(values.curriculum);
    page.byId(`${racer}-forgetBias`).disabled = values.cell === "rnn";
  }

  memory.panels.push(() => {
    page.byId("racers").append(createForm("a"), createForm("b"));
    const race = page.byId("race");
    const show = () => {
      for (const racer of ["a", "b"]) showSettings(racer);
      race.checked = Boolean(memory.state().race);
      page.byId("racer-b").hidden = !race.checked;
    };
    race.addEventListener("change", () => memory.setState({ race: Number(race.checked) }));
    for (const button of document.querySelectorAll("[data-preset]"))
      button.addEventListener("click", () => {
        const [a, b] = PRESETS[button.dataset.preset].map((values) => palingen.formatSettings(palingen.parseSettings(values)));
        memory.setState({ a, b, race: 1 });
      });
    memory.subscribe(["a", "b", "race"], show);
    show();
  });

  memory.trainSettings = settings;
})(globalThis.palingen);
