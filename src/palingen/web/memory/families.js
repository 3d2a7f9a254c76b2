// Networks that are compared side by side: one choice for all panels that compare.
"use strict";
(function (palingen) {
  const { memory } = palingen;

  /** The chosen family: that of the current network unless another one is chosen. */
  function family() {
    const groups = memory.families(), chosen = memory.state().family ?? memory.familyKey(memory.current());
    return groups.find(({ key }) => key === chosen) ?? groups[0];
  }

  /** Fill every select element of the families, and follow it. */
  function connectFamilies() {
    const selects = [...document.querySelectorAll("select.family")];
    const show = () => {
      for (const select of selects) {
        select.replaceChildren(...memory.families().map(({ key, name }) => new Option(name, key)));
        select.value = family().key;
      }
    };
    for (const select of selects) select.addEventListener("change", () => memory.setState({ family: select.value }));
    memory.subscribe(["family", "net", "networks"], show);
    show();
  }

  /** Name of a network in a legend: its cell, or its own name if it was made here. */
  const legend = (entry) => (entry.origin === "shipped" ? memory.cellName(entry) : `${entry.name} (${memory.cellName(entry)})`);

  /** Colour of a network among others: that of its cell, unless one of the same cell comes before it. */
  const colourIn = (networks, entry) => {
    const isFirst = networks.find(({ config }) => config.cell === entry.config.cell) === entry;
    return isFirst ? entry.config.cell : "text";
  };

  Object.assign(memory, { family, connectFamilies, legend, colourIn });
})(globalThis.palingen);
