// The networks of the page: those it was built with, and those trained or loaded here.
"use strict";
(function (palingen) {
  const { memory, page } = palingen;
  const CELL_NAMES = { rnn: "RNN", gru: "GRU", lstm: "LSTM", peephole: "Peephole LSTM" };

  /** A stage whose network is decoded when it is first used. */
  function lazyStage({ name, network }) {
    let decoded = null;
    return { name, network: () => (decoded ??= palingen.decodeRecurrent(network)) };
  }

  // Measurements are kept by the id: a network that is trained or loaded again may have the name of the last one.
  let lastId = 0;
  const networks = JSON.parse(page.byId("networks-data").textContent).map((entry) => ({
    ...entry, id: ++lastId, stages: entry.stages.map(lazyStage),
  }));
  page.byId("networks-data").remove();

  const hasCurriculum = (config) => config.curriculum_threshold !== null;
  const howTrained = (config) => (hasCurriculum(config) ? "with a curriculum" : "at full length");

  /** Key of the networks that are compared with each other: those of the same settings but for cell and seed. */
  function familyKey({ origin, config }) {
    if (origin === "here") return "here";
    return `T${config.length}-${config.hidden_size}-${config.input_encoding}${hasCurriculum(config) ? "-curriculum" : ""}`;
  }

  const familyName = ({ origin, config }) =>
    (origin === "here" ? "trained or loaded here" : `trained on T = ${config.length} ${howTrained(config)}`);

  const cellName = ({ config }) => CELL_NAMES[config.cell];
  const title = (entry) => `${cellName(entry)}, ${entry.origin === "shipped" ? familyName(entry) : entry.name}`;

  const final = (entry) => entry.stages.at(-1).network();

  /** Families by key, with their names and networks. */
  function families() {
    const groups = new Map();
    for (const entry of networks) {
      const key = familyKey(entry);
      if (!groups.has(key)) groups.set(key, { key, name: familyName(entry), networks: [] });
      groups.get(key).networks.push(entry);
    }
    return [...groups.values()];
  }

  /** Add a network, or replace the one of the same name. */
  function addNetwork(entry) {
    const at = networks.findIndex(({ name }) => name === entry.name);
    networks[at < 0 ? networks.length : at] = { ...entry, id: ++lastId };
  }

  const find = (name) => networks.find((entry) => entry.name === name) ?? networks[0];

  Object.assign(memory, { CELL_NAMES, networks, families, familyKey, cellName, title, final, addNetwork, find });
})(globalThis.palingen);
