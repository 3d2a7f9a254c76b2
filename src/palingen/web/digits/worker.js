// The page's worker: holds the networks and computes everything, so that the page stays responsive. No DOM.
//
// Each request { id, task, ... } gets an answer { id, done: true, ... }; an inversion sends several before the last.
"use strict";
(function (palingen) {
  const models = [];
  let classifier, trainingDigits, lastInversion;

  const generate = (model, inputs, count) => palingen.toPixels(palingen.forward(models[model].network, inputs, count));

  /** Class probabilities of each image. */
  function classify(pixels) {
    const count = pixels.length / palingen.IMAGE_PIXELS;
    const logits = palingen.forward(classifier, palingen.toUnit(pixels), count), classes = logits.length / count;
    return Array.from({ length: count }, (_, i) => palingen.softmax(logits.subarray(classes * i, classes * (i + 1))));
  }

  /** Answer with the progress of an inversion, until it ends or a newer one begins. */
  async function invert({ id, model, pixels }, answer) {
    lastInversion = id;
    const { network, latentDim } = models[model];
    const starts = palingen.startingInputs(models[model], classifier, pixels);
    for (const { step, steps, loss, input: exact } of palingen.invert(network, palingen.toUnit(pixels), starts, latentDim)) {
      if (step % 10 !== 0 && step !== 1) continue;
      const input = palingen.quantize(exact);
      answer({ step, steps, loss, input, pixels: generate(model, input, 1), done: step === steps });
      await new Promise((resume) => setTimeout(resume)); // lets other requests in
      if (lastInversion !== id) {
        answer({ done: true, cancelled: true });
        return;
      }
    }
  }

  const TASKS = {
    load: ({ text }) => {
      const part = JSON.parse(text);
      for (const spec of part.models) {
        const network = palingen.decodeNetwork(spec.network);
        models.push({ ...spec, network, latentEstimator: palingen.decodeNetwork(spec.latentEstimator) });
      }
      if (!part.classifier) return {};
      classifier = palingen.decodeNetwork(part.classifier);
      trainingDigits = palingen.decodeGray4(part.trainingDigits);
      return { trainingDigits };
    },
    generate: ({ model, inputs, count, withProbabilities }) => {
      const pixels = generate(model, inputs, count);
      return { pixels, probabilities: withProbabilities ? classify(pixels) : null };
    },
    classify: ({ pixels }) => ({ probabilities: classify(pixels) }),
    nearest: ({ pixels }) => palingen.nearestImage(pixels, trainingDigits),
  };

  globalThis.onmessage = ({ data }) => {
    const answer = (result) => globalThis.postMessage({ id: data.id, ...result });
    if (data.task === "invert") invert(data, answer);
    else answer({ ...TASKS[data.task](data), done: true });
  };
})((globalThis.palingen ??= {}));
