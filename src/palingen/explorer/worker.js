// The explorer's worker: it holds the networks and does all the work, so that the page never waits. No DOM.
//
// Each message { id, task, ... } is answered by one { id, ... }; a search answers several times, the last with `done`.
"use strict";
(function (palingen) {
  const models = [];
  let judge, bank;

  const grey = (images) => Uint8Array.from(images, (v) => Math.round((Math.min(1, Math.max(-1, v)) + 1) * 127.5));
  const unit = (pixels) => Float32Array.from(pixels, (v) => v / 127.5 - 1);

  function draw(model, inputs, count) {
    return grey(palingen.forward(models[model].network, inputs, count));
  }

  /** The judge's probabilities of ten classes for each picture. */
  function verdicts(pixels) {
    const count = pixels.length / 784, logits = palingen.forward(judge, unit(pixels), count);
    return Array.from({ length: count }, (_, i) => softmax(logits.subarray(10 * i, 10 * i + 10)));
  }

  function softmax(logits) {
    const top = Math.max(...logits), shares = Array.from(logits, (v) => Math.exp(v - top));
    const sum = shares.reduce((a, b) => a + b);
    return shares.map((v) => v / sum);
  }

  /** Inputs to start a search from: the guess from what the judge sees, and three of many samples that are nearest. */
  function starts(model, pixels) {
    const { network, guess, latentDim, classes } = models[model], Z = latentDim, width = network.inputs;
    const features = { ...judge, layers: judge.layers.slice(0, -1) };
    const seen = palingen.forward(features, unit(pixels), 1), shares = verdicts(pixels)[0];
    const wanted = shares.indexOf(Math.max(...shares)), many = 64, samples = new Float32Array(many * width);
    const first = palingen.forward({ layers: [guess] }, seen, 1);
    for (let k = 0; k < many; k++) {
      samples.set(k ? palingen.noise(Z, k) : first, k * width);
      if (classes) samples[k * width + Z + wanted] = 1;
    }
    const drawn = draw(model, samples, many);
    const far = (k) => pixels.reduce((sum, v, i) => sum + (v - drawn[784 * k + i]) ** 2, 0);
    const order = Array.from({ length: many - 1 }, (_, k) => [far(k + 1), k + 1]).sort((a, b) => a[0] - b[0]);
    const chosen = [0, ...order.slice(0, 3).map(([, k]) => k)], out = new Float32Array(4 * width);
    chosen.forEach((k, place) => out.set(samples.subarray(k * width, (k + 1) * width), place * width));
    return out;
  }

  let newest = 0; // search; an older one stops

  async function search({ id, model, pixels }, answer) {
    newest = id;
    const { network, latentDim } = models[model];
    for (const at of palingen.search(network, unit(pixels), starts(model, pixels), latentDim)) {
      if (at.step % 10 === 0 || at.step === 1) {
        const input = palingen.rounded(at.input), found = draw(model, input, 1);
        answer({ step: at.step, steps: at.steps, loss: at.loss, input, pixels: found, done: at.step === at.steps });
        await new Promise((resume) => setTimeout(resume)); // lets other messages in
        if (newest !== id) return answer({ done: true, dropped: true });
      }
    }
  }

  const TASKS = {
    open: ({ text }) => { // in two parts: the first generator, then all the rest
      const part = JSON.parse(text);
      for (const spec of part.models) {
        const guess = palingen.decode({ layers: [spec.guess] }).layers[0];
        models.push({ ...spec, network: palingen.decode(spec.network), guess });
      }
      if (!part.judge) return {};
      judge = palingen.decode(part.judge);
      bank = palingen.greys(part.bank);
      return { bank };
    },
    draw: ({ model, inputs, count, judged }) => {
      const pixels = draw(model, inputs, count);
      return { pixels, verdicts: judged ? verdicts(pixels) : null };
    },
    judge: ({ pixels }) => ({ verdicts: verdicts(pixels) }),
    nearest: ({ pixels }) => palingen.nearest(pixels, bank),
  };

  globalThis.onmessage = ({ data }) => {
    const answer = (result) => globalThis.postMessage({ id: data.id, ...result });
    if (data.task === "search") search(data, answer);
    else answer({ ...TASKS[data.task](data), done: true });
  };
})((globalThis.palingen ??= {}));
