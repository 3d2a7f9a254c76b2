// What an independent classifier says, the nearest training digit, and the measured scores.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, bars = byId("bars");
  const percent = (v) => `${(100 * v).toFixed(v < 0.0995 ? 1 : 0)} %`;
  let mine = null;

  const rows = Array.from({ length: 10 }, (_, i) => {
    const row = document.createElement("li");
    row.innerHTML = `<span>${i}</span><i></i><span></span>`;
    return bars.appendChild(row);
  });

  function show() {
    if (!mine) return;
    mine.verdict.forEach((share, i) => {
      rows[i].children[1].style.setProperty("--share", String(share));
      rows[i].lastChild.textContent = percent(share);
    });
    page.paint(byId("own"), mine.pixels);
    if (!page.bank) return;
    page.askLatest("nearest", { task: "nearest", pixels: mine.pixels }, ({ index, distance }) => {
      page.paint(byId("near"), page.bank.subarray(784 * index, 784 * index + 784));
      byId("near-words").textContent = `a ${page.card.bankLabels[index]}, ${percent(distance)} away`;
    });
  }

  const COLUMNS = [
    ["fd", "Frechet distance", "lower is better", 1], ["precision", "Precision", "share of pictures that look real", 3],
    ["recall", "Recall", "share of real digits within reach", 3], ["coverage", "Coverage", "share of real digits met", 3],
    ["class_tv", "Class imbalance", "0 is even", 3], ["confidence", "Confidence", "of the classifier", 3],
    ["nearest", "Nearest training digit", "1 as far as a test digit's, 0 a copy", 2],
  ];

  function scores() {
    const { scores: own, name } = page.model(), place = byId("scores");
    if (!own) {
      place.innerHTML = "<p>Not measured yet: <code>palingen gan score RUN --out RUN</code>, then make this page again.</p>";
      return;
    }
    const table = document.createElement("table");
    table.innerHTML = '<thead><tr><th scope="col">Of 10,000 pictures</th><th scope="col" class="own"></th><th scope="col">real digits</th></tr></thead><tbody></tbody>';
    table.querySelector(".own").textContent = name;
    table.querySelector("th").textContent = `Of ${own.own.n.toLocaleString("en")} pictures`;
    for (const [key, label, hint, digits] of COLUMNS) {
      const row = table.tBodies[0].insertRow(), spread = own.own.spread?.[key];
      const give = spread ? ` ± ${spread.toFixed(digits)}` : "";
      row.innerHTML = `<th scope="row">${label}<span class="hint">${hint}</span></th><td>${own.own[key].toFixed(digits)}${give}</td><td>${own.floor[key].toFixed(digits)}</td>`;
    }
    const note = document.createElement("p");
    note.className = "hint";
    const cut = own.own.truncation ? `Latents longer than ${own.own.truncation} times the usual length were shortened to it. ` : "";
    note.textContent = cut + "Real digits are as many training digits, measured against the test digits in the same way: what a perfect generator would get.";
    place.replaceChildren(table, note);
  }

  byId("bank-size").textContent = page.card.bankLabels.length.toLocaleString("en");
  byId("bank-floor").textContent = percent(page.card.bankFloor);
  document.addEventListener("mine", ({ detail }) => { mine = detail; show(); });
  page.on(["bank"], show);
  page.on(["m"], scores);
  scores();
});
