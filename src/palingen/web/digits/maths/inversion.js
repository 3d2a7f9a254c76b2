// Inversion of a generator: the latents whose image is nearest to a given one. No DOM.
//
// Z  latent dimensions      K  classes; a generator input is Z latents, then K class weights if it is class-conditional
"use strict";
(function (palingen) {
  /** Weight of the mean squared latent beside the mean squared pixel difference. */
  const PRIOR_WEIGHT = 0.002;

  const NUM_CANDIDATES = 64, NUM_STARTS = 4;

  /**
   * Inputs to start the search from, one after another: a linear estimate from the classifier's features, and the
   * nearest of many random samples. Class weights are one-hot for the class that the classifier predicts.
   */
  function startingInputs({ network, latentEstimator, latentDim, numClasses }, classifier, pixels) {
    const image = palingen.toUnit(pixels), size = network.inputSize, inputs = new Float32Array(NUM_CANDIDATES * size);
    const features = palingen.forward({ layers: classifier.layers.slice(0, -1) }, image, 1);
    const logits = palingen.forward(classifier, image, 1), predicted = logits.indexOf(Math.max(...logits));
    for (let k = 0; k < NUM_CANDIDATES; k++) {
      inputs.set(k ? palingen.normal(latentDim, k) : palingen.forward(latentEstimator, features, 1), k * size);
      if (numClasses) inputs[k * size + latentDim + predicted] = 1;
    }
    const candidates = palingen.toPixels(palingen.forward(network, inputs, NUM_CANDIDATES));
    const distances = Array.from({ length: NUM_CANDIDATES }, (_, k) =>
      (k ? palingen.squaredDistance(pixels, palingen.imageAt(candidates, k)) : 0)); // the estimate always comes first
    const nearest = distances.map((_, k) => k).sort((j, k) => distances[j] - distances[k]).slice(0, NUM_STARTS);
    const starts = new Float32Array(NUM_STARTS * size);
    nearest.forEach((k, i) => starts.set(inputs.subarray(k * size, (k + 1) * size), i * size));
    return starts;
  }

  /**
   * Search for the latents of an image: Adam from several starts, of which only the best continues after `selectionStep`.
   * `target` holds pixels in [-1, 1]; `starts` holds inputs, one after another, whose class weights stay unchanged.
   * Yields { step, steps, input, loss } after every step: the best input so far, and its mean squared pixel difference.
   */
  function* invert(network, target, starts, latentDim, { steps = 100, learningRate = 0.08, selectionStep = 25 } = {}) {
    const size = network.inputSize;
    let inputs = starts.slice(), n = inputs.length / size;
    let firstMoment = new Float32Array(inputs.length), secondMoment = new Float32Array(inputs.length);
    let best = { loss: Infinity, input: null };
    for (let step = 1; step <= steps; step++) {
      const tape = [], images = palingen.forward(network, inputs, n, tape);
      const losses = meanSquaredErrors(images, target);
      const leader = losses.indexOf(Math.min(...losses)), ofLeader = (a) => a.slice(leader * size, (leader + 1) * size);
      if (losses[leader] < best.loss) best = { loss: losses[leader], input: ofLeader(inputs) };
      yield { step, steps, ...best };
      const gradient = images.map((v, i) => (2 * (v - target[i % target.length])) / target.length);
      const g = palingen.backward(network, tape, gradient, n), rate = learningRate * (1 - (step - 1) / steps);
      for (let i = 0; i < inputs.length; i++) {
        if (i % size >= latentDim) continue;
        const total = g[i] + (2 * PRIOR_WEIGHT * inputs[i]) / latentDim;
        firstMoment[i] = 0.9 * firstMoment[i] + 0.1 * total;
        secondMoment[i] = 0.99 * secondMoment[i] + 0.01 * total * total;
        const scale = Math.sqrt(secondMoment[i] / (1 - 0.99 ** step)) + 1e-8;
        inputs[i] -= (rate * firstMoment[i] / (1 - 0.9 ** step)) / scale;
      }
      if (step === selectionStep && n > 1)
        [inputs, firstMoment, secondMoment, n] = [ofLeader(inputs), ofLeader(firstMoment), ofLeader(secondMoment), 1];
    }
  }

  function meanSquaredErrors(images, target) {
    const size = target.length;
    return Array.from({ length: images.length / size }, (_, k) =>
      palingen.squaredDistance(target, images.subarray(k * size, (k + 1) * size)) / size);
  }

  Object.assign(palingen, { startingInputs, invert });
})((globalThis.palingen ??= {}));
