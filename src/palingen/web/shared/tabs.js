// Tabs: each laboratory of the page, started when it is first shown. The link names the tab.
"use strict";
(function (palingen) {
  const buttons = [...document.querySelectorAll("[role=tab]")];
  const names = buttons.map((button) => button.dataset.lab);
  const labs = new Map(); // name to { start, link }
  const started = new Set();

  const named = () => new URLSearchParams(location.hash.slice(1)).get("tab");
  let current = names.includes(named()) ? named() : names[0];

  const panel = (name) => document.getElementById(`lab-${name}`);

  /** Show the lab that is current, as far as it is there. */
  function show() {
    for (const button of buttons) {
      const isCurrent = button.dataset.lab === current;
      button.setAttribute("aria-selected", String(isCurrent));
      button.tabIndex = isCurrent ? 0 : -1;
    }
    for (const name of labs.keys()) panel(name).hidden = name !== current;
    if (!labs.has(current) || started.has(current)) return;
    started.add(current);
    labs.get(current).start();
  }

  /** Add a lab: `start` is called when it is first shown, `link` gives the link to its view. */
  function register(name, lab) {
    labs.set(name, lab);
    if (!buttons.length) current = name;
    show();
  }

  function choose(name) {
    current = name;
    show();
    if (labs.has(name)) history.replaceState(null, "", labs.get(name).link());
  }

  buttons.forEach((button, i) => {
    button.addEventListener("click", () => choose(button.dataset.lab));
    button.addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const other = buttons[(i + step + buttons.length) % buttons.length];
      other.focus();
      choose(other.dataset.lab);
    });
  });
  addEventListener("hashchange", () => {
    if (names.includes(named()) && named() !== current) {
      current = named();
      show();
    }
  });
  show();

  palingen.tabs = { register, current: () => current, isOnly: () => buttons.length < 2 };
})((globalThis.palingen ??= {}));
