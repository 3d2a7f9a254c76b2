// Evaluation: predicted class and nearest training digit of the current digit, and the scores of the generator.
"use strict";
palingen.page.panels.push(() => {
  const { page } = palingen, { byId } = page, { percent } = page, { classNames } = page.metadata, NUM_BARS = 10;
  let current = null; // pixels and probabilities of the current digit

  const bars = classNames.slice(0, NUM_BARS).map(() => {
    const bar = document.createElement("li");
    bar.innerHTML = "<span></span><i></i><span></span>";
    return byId("bars").appendChild(bar);
  });

  /** Classes that have a bar: all in their order, or the likeliest of many. */
  function shownClasses(probabilities) {
    const order = classNames.map((_, i) => i);
    return order.length > NUM_BARS ? order.sort((i, j) => probabilities[j] - probabilities[i]).slice(0, NUM_BARS) : order;
  }

  function showCurrent() {
    if (!current) return;
    shownClasses(current.probabilities).forEach((index, row) => {
      const probability = current.probabilities[index];
      bars[row].firstChild.textContent = classNames[index];
      bars[row].children[1].style.setProperty("--probability", String(probability));
      bars[row].lastChild.textContent = percent(probability);
    });
    page.paint(byId("compared-digit"), current.pixels);
    if (!page.trainingDigits) return;
    page.requestLatest("nearest", { task: "nearest", pixels: current.pixels }, ({ index, distance }) => {
      page.paint(byId("training-image"), palingen.imageAt(page.trainingDigits, index));
      byId("training-caption").textContent = 
        `${page.isDigits ? "a " : ""}${classNames[page.metadata.trainingLabels[index]]}, difference ${percent(distance)}`;
    });
  }

  const METRICS = [ // key, name, explanation, decimals
    ["fd", "Frechet distance", "between features of generated and real digits; lower is better", 1],
    ["fd_second", "Frechet distance, second", "the same by another classifier, which took no part in any choice", 3],
    ["precision", "Precision", "fraction of the images that resemble real digits", 3],
    ["recall", "Recall", "fraction of real digits that resemble generated ones", 3],
    ["coverage", "Coverage", "fraction of real digits with a generated one close by", 3],
    ["class_tv", "Class imbalance", "0 if the classes are as frequent as among real digits", 3],
    ["mean_confidence", "Confidence", "mean probability of the predicted class", 3],
    ["low_confidence_fraction", "Broken or unclear", "fraction of the images with a confidence below 0.9", 3],
    ["nearest_train_ratio", "Nearest training digit", "mean distance; 1 as for new handwriting, 0 for copies", 2],
    ["class_accuracy", "Class accuracy", "fraction of the images that show the requested class", 3],
  ];

  function showScores() {
    const { scores, name } = page.model();
    if (!scores) {
      byId("scores").innerHTML =
        "<p>Not scored yet. Run <code>palingen gan score RUN --out RUN</code> and build this page again.</p>";
      return;
    }
    const table = document.createElement("table");
    table.innerHTML = '<thead><tr><th scope="col"></th><th scope="col"></th><th scope="col"></th></tr></thead><tbody></tbody>';
    const [count, generator, real] = table.querySelectorAll("th");
    real.textContent = page.wording("real digits");
    count.textContent = `${scores.n.toLocaleString("en")} images`;
    generator.textContent = name;
    for (const metric of METRICS) if (scores.mean[metric[0]] !== null) addRow(table.tBodies[0].insertRow(), scores, metric);
    byId("scores").replaceChildren(table, note(scores));
  }

  function addRow(row, { mean, floor, std, floorStd }, [key, label, explanation, decimals]) {
    const cell = (value, spread) => value == null ? "–" : value.toFixed(decimals)
      + (spread == null ? "" : `<span class="spread"> ± ${spread.toFixed(decimals)}</span>`);
    row.innerHTML = `<th scope="row">${page.wording(label)}<span class="hint">${page.wording(explanation)}</span></th>`
      + `<td>${cell(mean[key], std[key])}</td><td>${cell(floor[key], floorStd[key])}</td>`;
  }

  function note({ repeats, maxLatentNorm }) {
    const element = document.createElement("p");
    element.className = "hint";
    const repeated = repeats > 1 ? `Mean and standard deviation of ${repeats} sets of images. ` : "";
    const clipped = maxLatentNorm ? ` Latents longer than ${maxLatentNorm} times their typical norm, the square root of their `
      + "dimensions, were scaled down to it for these scores; elsewhere on this page they are not." : "";
    const real = "Real digits are as many training digits, compared with the test digits in the same way: the score of a "
      + "perfect generator, as mean and standard deviation of ten random sets.";
    element.textContent = `${repeated}${page.wording(real)}${clipped}`;
    return element;
  }

  byId("num-training-digits").textContent = page.metadata.trainingLabels.length.toLocaleString("en");
  byId("num-available").textContent = page.metadata.numTraining.toLocaleString("en");
  byId("median-test-distance").textContent = percent(page.metadata.medianTestDistance);
  document.addEventListener("current-digit", ({ detail }) => {
    current = detail;
    showCurrent();
  });
  page.subscribe(["trainingDigits"], showCurrent);
  page.subscribe(["model"], showScores);
  showScores();
});
