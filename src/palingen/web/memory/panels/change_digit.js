// One digit changed: how far the states of the two runs part, and whether the answer changes.
"use strict";
palingen.memory.panels.push(() => {
  const { memory, page } = palingen, { byId } = page, group = byId("digit-buttons"), result = byId("change-result");
  const position = byId("position"), replacement = byId("replacement"), canvas = byId("distance");

  for (let digit = 0; digit < 10; digit++) replacement.add(new Option(String(digit), String(digit)));

  const at = () => Math.min(memory.state().position, memory.length() - 1) - 1;
  const changedDigit = () => memory.state().replacement ?? (memory.inputs()[at()] + 1) % 10;

  function listDigits() {
    const digits = memory.inputs();
    group.replaceChildren(...Array.from(digits, (digit, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = String(digit);
      button.setAttribute("aria-label", `step ${i + 1}: ${digit}`);
      return button;
    }));
    position.max = String(digits.length);
  }

  function draw() {
    const digits = memory.inputs(), index = at(), changed = digits.slice(), H = memory.current().config.hidden_size;
    if (group.children.length !== digits.length || [...group.children].some((button, i) => button.textContent !== String(digits[i]))) listDigits();
    [...group.children].forEach((button, i) => {
      button.setAttribute("aria-pressed", String(i === index));
      button.tabIndex = i === index ? 0 : -1;
    });
    position.value = String(index + 1);
    replacement.value = String(changedDigit());
    changed[index] = changedDigit();
    const before = memory.reading(), after = palingen.readAlong(memory.final(memory.current()), changed);
    showResult(before, after, digits, changed, index);
    drawDistances(palingen.stateDistances(before, after, H), digits.length, index);
  }

  function showResult(before, after, digits, changed, index) {
    const last = 10 * (digits.length - 1), [from, to] = [before, after].map(({ probabilities }) => palingen.argmax(probabilities, last));
    const [confidence, newConfidence] = [before.probabilities[last + from], after.probabilities[last + to]].map(memory.percent);
    const change = `Step ${index + 1}: ${digits[index]} becomes ${changed[index]}.`;
    const right = changed[0];
    const verdict = to === right ? "which is right" : `but ${right} is right`;
    result.textContent = from === to
      ? `${change} The answer stays ${from} (${confidence}, now ${newConfidence}), ${verdict}.`
      : `${change} The answer changes from ${from} (${confidence}) to ${to} (${newConfidence}), ${verdict}.`;
  }

  function drawDistances(distances, steps, index) {
    const names = { h: "hidden state h", c: "memory c" };
    const series = Object.entries(distances).map(([name, values]) => ({
      name: names[name], colour: memory.current().config.cell, dash: name === "h" && Boolean(distances.c),
      points: Array.from(values, (v, t) => [t + 1, v]).slice(index),
    }));
    const max = Math.max(0.1, ...series.flatMap(({ points }) => points.map(([, v]) => v)));
    memory.drawChart(canvas, {
      x: { label: "step", min: 1, max: steps },
      y: { label: "distance between the states of the two runs, over the sum of their norms", min: 0, max: 1.08 * max },
      series,
      marks: [{ x: index + 1, label: "changed digit" }],
    });
    canvas.setAttribute("aria-label", `Distance between the two runs over ${steps} steps; at the last step ${series[0].points.at(-1)[1].toFixed(3)}`);
  }

  const choose = (value) => memory.setState({ position: page.clamp(Math.round(value) || 1, 1, memory.length() - 1), replacement: null });

  position.addEventListener("change", () => { choose(Number(position.value)); draw(); });
  replacement.addEventListener("change", () => memory.setState({ replacement: Number(replacement.value) }));
  group.addEventListener("click", ({ target }) => {
    const i = [...group.children].indexOf(target.closest("button"));
    if (i >= 0) choose(i + 1);
  });
  page.rovingTabindex(group, () => {
    const { offsetTop } = group.firstElementChild;
    return Math.max(1, [...group.children].findIndex((button) => button.offsetTop > offsetTop));
  });
  memory.panel("change-digit", ["net", "length", "seed", "half", "position", "replacement"], draw);
  memory.savePanel("change-digit", ["distance"]);
});
