// The network and the palindrome, which all panels share, and the network's answer.
"use strict";
palingen.memory.panels.push(() => {
  const { memory, page } = palingen, { byId } = page, networks = byId("network"), digits = byId("digits"), length = byId("length");

  function listNetworks() {
    networks.replaceChildren(...memory.families().map(({ name, networks: members }) => {
      const group = document.createElement("optgroup");
      group.label = name[0].toUpperCase() + name.slice(1);
      for (const entry of members) {
        const text = entry.origin === "shipped" ? `${memory.cellName(entry)} (T = ${entry.config.length})` : entry.name;
        group.append(new Option(text, entry.name));
      }
      return group;
    }));
  }

  function show() {
    const entry = memory.current(), { config } = entry, text = memory.palindrome().join("");
    networks.value = entry.name;
    const input = config.input_encoding === "scalar" ? "one number" : "one of ten inputs";
    byId("network-note").textContent = `${config.hidden_size} units, reads a digit as ${input}`;
    if (document.activeElement !== digits) digits.value = text;
    length.value = String(memory.length());
    const { probabilities, steps } = memory.reading(), at = 10 * (steps - 1);
    const answer = palingen.argmax(probabilities, at), right = memory.palindrome()[0];
    byId("answer").textContent = `Answer ${answer}, ${memory.percent(probabilities[at + answer])}`;
    byId("answer").className = `prediction ${answer === right ? "right" : "wrong"}`;
    byId("answer-note").textContent = answer === right ? "right: the last digit is the first" : `wrong: the first digit was ${right}`;
  }

  networks.addEventListener("change", () => memory.setState({ net: networks.value, off: "", stage: null, step: null, family: null, reach: null }));
  length.addEventListener("change", () => {
    const value = Math.round(page.clamp(Number(length.value) || 5, 5, memory.MAX_LENGTH));
    memory.setState({ length: value === memory.current().config.length ? null : value, step: null });
    show();
  });
  byId("shuffle").addEventListener("click", () => memory.setState({ seed: palingen.nextSeed(memory.state().seed), half: "" }));

  function readText() {
    const parsed = palingen.parsePalindrome(digits.value, 5, memory.MAX_LENGTH);
    byId("digits-note").textContent = parsed ? "Type or paste digits; the first half is mirrored." : "At least five digits are needed.";
    if (parsed) memory.setState({ half: parsed.subarray(0, Math.ceil(parsed.length / 2)).join(""), length: parsed.length, step: null });
  }
  digits.addEventListener("input", readText);
  digits.addEventListener("blur", show);
  byId("memory-link").addEventListener("click", () => page.copyLink(memory.link()));

  memory.subscribe(["networks"], listNetworks);
  memory.subscribe(["net", "length", "seed", "half", "networks"], show);
  listNetworks();
});
