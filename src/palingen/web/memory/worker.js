// A worker of the memory page: measurements over many palindromes, and training. No DOM.
//
// Each request { id, task, ... } gets answers { id, done, ... }, the last one with done: true; { cancel: id } ends it early.
"use strict";
(function (palingen) {
  const PART_MS = 60; // time between two answers of a training
  const MAX_SNAPSHOTS = 24;
  const cancelled = new Set();

  const pause = () => new Promise((resume) => setTimeout(resume)); // lets other requests in

  async function accuracy({ id, network, ...options }, answer) {
    for (const { correct, count } of palingen.freshAccuracy(network, options)) {
      if (cancelled.delete(id)) return answer({ done: true, cancelled: true });
      const interval = palingen.wilsonInterval(correct, count);
      answer({ accuracy: correct / count, interval, count, length: options.length, done: count === options.count });
      await pause();
    }
  }

  const copy = (network) => ({
    ...network, parameters: Object.fromEntries(Object.entries(network.parameters).map(([name, v]) => [name, v.slice()])),
  });

  /** Train until the accuracy on unseen palindromes is 99.8 %, or for all steps; answer with metrics and snapshots. */
  async function train({ id, settings }, answer) {
    const started = performance.now(), training = palingen.train(settings), snapshotEvery = Math.ceil(settings.steps / MAX_SNAPSHOTS);
    const evaluateEvery = Math.max(10, Math.round(settings.steps / 100));
    let last = performance.now(), means = [], points = [], latest = null, test = null, nextSnapshot = 1, tested = 0;
    for (latest of training) {
      means.push(latest);
      const { step, network, length } = latest, isLast = step === settings.steps, isCancelled = cancelled.delete(id);
      if (step % evaluateEvery === 0 || isLast || isCancelled) {
        [test, tested] = [palingen.testAccuracy(network, settings.length), step];
        points.push({ ...average(means), step, length, test });
        means = [];
      }
      const isGood = tested === step && test >= 0.998 && length === settings.length, stop = isCancelled || isLast || isGood;
      if (performance.now() - last < PART_MS && !stop) continue;
      const isSnapshot = step >= nextSnapshot || isLast || isGood;
      if (isSnapshot) nextSnapshot = step + snapshotEvery * (step < snapshotEvery ? 0.25 : 1);
      answer({
        step, length, test, points, seconds: (performance.now() - started) / 1000, done: stop,
        snapshot: isSnapshot || stop ? { name: `after ${step} step${step === 1 ? "" : "s"}`, network: copy(network) } : null,
      });
      if (stop) return undefined;
      [points, last] = [[], performance.now()];
      await pause();
    }
    return undefined;
  }

  function average(metrics) {
    const mean = (name) => metrics.reduce((sum, values) => sum + values[name], 0) / metrics.length;
    return { loss: mean("loss"), gradientNorm: mean("gradientNorm") };
  }

  const TASKS = {
    accuracy,
    train,
    gradient: ({ network, ...options }, answer) => answer({ norms: palingen.gradientByStep(network, options), done: true }),
    scores: ({ network, ...options }, answer) => answer({ scores: palingen.firstDigitScores(network, options), done: true }),
  };

  globalThis.onmessage = ({ data }) => {
    if (data.cancel) cancelled.add(data.cancel);
    else TASKS[data.task](data, (result) => globalThis.postMessage({ id: data.id, ...result }));
  };
})((globalThis.palingen ??= {}));
