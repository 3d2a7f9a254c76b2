// Training in the page: initial weights, optimisers, clipping, curriculum, as in palingen.recurrence. No DOM.
"use strict";
(function (palingen) {
  const { CELLS, NAMES } = palingen;

  const WINDOW = 20; // batches over which the curriculum averages the accuracy
  const START = 8, GROWTH = 1.5, THRESHOLD = 0.99; // of the curriculum, as in the recipe "memory"
  const TEST_SIZE = 500, TEST_SEED = 987654321;

  /** An untrained network: uniform weights in +-1 / sqrt(H), determined by the seed. */
  function initNetwork({ cell, inputSize, hiddenSize, forgetBias = null, seed = 0 }) {
    const network = { cell, inputSize, hiddenSize, parameters: {} }, next = palingen.uniform(seed + 77);
    for (const [name, shape] of Object.entries(palingen.parameterShapes(network)))
      network.parameters[name] = Float32Array.from({ length: shape.reduce((a, b) => a * b) },
        () => (2 * next() - 1) / Math.sqrt(hiddenSize));
    const gate = CELLS[cell].gates.indexOf(CELLS[cell].forgetGate);
    if (forgetBias !== null && gate >= 0) network.parameters[NAMES.bias].fill(forgetBias, gate * hiddenSize, (gate + 1) * hiddenSize);
    return network;
  }

  /** Scale gradients down to a norm of at most `maxNorm`; return the norm before. */
  function clipGradients(grads, maxNorm) {
    let square = 0;
    for (const grad of Object.values(grads)) for (const v of grad) square += v * v;
    const norm = Math.sqrt(square), factor = maxNorm / (norm + 1e-6);
    if (factor < 1) for (const grad of Object.values(grads)) for (let i = 0; i < grad.length; i++) grad[i] *= factor;
    return norm;
  }

  /** Adam (Kingma & Ba 2015) and RMSprop (Tieleman & Hinton 2012), with the settings of torch. */
  const OPTIMIZERS = {
    adam: (grad, moments, rate, step) => {
      const { first, second } = moments, scale = Math.sqrt(1 - 0.999 ** step), size = rate / (1 - 0.9 ** step);
      return (i) => {
        first[i] += 0.1 * (grad[i] - first[i]);
        second[i] = 0.999 * second[i] + 0.001 * grad[i] ** 2;
        return size * first[i] / (Math.sqrt(second[i]) / scale + 1e-8);
      };
    },
    rmsprop: (grad, { second }, rate) => (i) => {
      second[i] = 0.99 * second[i] + 0.01 * grad[i] ** 2;
      return rate * grad[i] / (Math.sqrt(second[i]) + 1e-8);
    },
  };

  /** Optimiser of a network's parameters: `update(grads, rate)` changes them. */
  function createOptimizer(name, { parameters }) {
    const moments = {};
    let step = 0;
    for (const [key, v] of Object.entries(parameters))
      moments[key] = { first: new v.constructor(v.length), second: new v.constructor(v.length) };
    return (grads, rate) => {
      step++;
      for (const [key, v] of Object.entries(parameters)) {
        const change = OPTIMIZERS[name](grads[key], moments[key], rate, step);
        for (let i = 0; i < v.length; i++) v[i] -= change(i);
      }
    };
  }

  /** Length of the training palindromes: grows with the accuracy (Bengio et al. 2009), or is the final one at once. */
  function createCurriculum(finalLength, enabled) {
    let length = enabled ? Math.min(START, finalLength) : finalLength, recent = [];
    return {
      length: () => length,
      update(accuracy) {
        if (length === finalLength) return;
        recent = [...recent.slice(1 - WINDOW), accuracy];
        if (recent.length < WINDOW || recent.reduce((a, b) => a + b) < THRESHOLD * WINDOW) return;
        length = Math.min(finalLength, Math.max(length + 1, Math.floor(length * GROWTH)));
        recent = [];
      },
    };
  }

  /** One step of training on a batch: changes the network; returns loss, accuracy and gradient norm. */
  function trainStep(network, optimizer, batch, { learningRate, maxGradNorm }) {
    const { loss, correct, grads } = palingen.lossAndGradients(network, batch);
    const gradientNorm = clipGradients(grads, maxGradNorm);
    optimizer(grads, learningRate);
    return { loss, accuracy: correct / batch.count, gradientNorm };
  }

  /**
   * Training as a generator: yields after every step { step, length, loss, accuracy, gradientNorm }.
   *
   * settings: cell, length, inputSize, hiddenSize, optimizer, learningRate, maxGradNorm, forgetBias, curriculum, batchSize,
   * steps, seed. Palindromes are new at every step, and never of the test set.
   */
  function* train(settings) {
    const network = initNetwork(settings), optimizer = createOptimizer(settings.optimizer, network);
    const curriculum = createCurriculum(settings.length, settings.curriculum), next = palingen.uniform(settings.seed);
    for (let step = 1; step <= settings.steps; step++) {
      const length = curriculum.length();
      const batch = palingen.samplePalindromes(settings.batchSize, length, next, "train");
      const metrics = trainStep(network, optimizer, batch, settings);
      curriculum.update(metrics.accuracy);
      yield { step, length, network, ...metrics };
    }
  }

  /** Accuracy on palindromes of the test set, which training never reads. */
  function testAccuracy(network, length) {
    const { inputs, targets, count, steps } = palingen.samplePalindromes(TEST_SIZE, length, palingen.uniform(TEST_SEED), "test");
    return palingen.countCorrect(network, inputs, targets, count, steps) / count;
  }

  Object.assign(palingen, {
    TEST_SIZE, initNetwork, clipGradients, createOptimizer, createCurriculum, trainStep, train, testAccuracy,
  });
})((globalThis.palingen ??= {}));
