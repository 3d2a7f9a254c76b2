// Runs the maths of the memory page under Node: one job as JSON on standard input, its result on standard output.
"use strict";
const path = require("node:path");
const web = path.join(__dirname, "..", "src", "palingen", "web");
for (const name of ["decode", "random"]) require(path.join(web, "shared", `${name}.js`));
for (const name of ["palindromes", "products", "cells", "recurrence", "gradients", "readout", "training", "weights"])
  require(path.join(web, "memory", "maths", `${name}.js`));
const job = JSON.parse(require("node:fs").readFileSync(0, "utf8")), p = globalThis.palingen;

const asFloats = ({ parameters, ...network }, Floats = Float32Array) => ({
  ...network,
  parameters: Object.fromEntries(Object.entries(parameters).map(([name, v]) => [name, Floats.from(v.flat())])),
});
const asLists = (values) => Object.fromEntries(Object.entries(values).map(([name, v]) => [name, Array.from(v)]));
const asBase64 = (values) => Object.fromEntries(Object.entries(values).map(([name, v]) => [name, Buffer.from(Float32Array.from(v).buffer).toString("base64")]));
const batchOf = ({ digits, targets }) => ({
  inputs: Uint8Array.from(digits.flat()), targets: Uint8Array.from(targets), count: digits.length, steps: digits[0].length,
});

const JOBS = {
  read: () => job.digits.map((digits) => {
    const { gates, states, probabilities } = p.readAlong(asFloats(job.network), Uint8Array.from(digits));
    return asBase64({ ...gates, ...states, answers: probabilities });
  }),
  gradients: () => {
    const { loss, correct, grads, norms } = p.lossAndGradients(asFloats(job.network), batchOf(job));
    return { loss, correct, grads: asLists(grads), norms: asLists(norms) };
  },
  train: () => {
    const network = asFloats(job.network), optimizer = p.createOptimizer(job.optimizer, network);
    const metrics = job.batches.map((batch) => p.trainStep(network, optimizer, batchOf(batch), job.settings));
    return { parameters: asLists(network.parameters), metrics };
  },
  trainSettings: () => {
    const metrics = Array.from(p.train(job.settings), ({ network, ...rest }) => ({ ...rest, test: rest.step % 50 ? null : p.testAccuracy(network, job.settings.length) }));
    return metrics;
  },
  safetensors: () => Buffer.from(p.writeSafetensors(asFloats(job.network), job.config)).toString("base64"),
  readSafetensors: () => {
    const bytes = Buffer.from(job.base64, "base64");
    try {
      const { network, config } = p.readSafetensors(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
      return { config, parameters: asLists(network.parameters) };
    } catch (error) { return { error: error.message }; }
  },
  sample: () => {
    const { inputs, targets } = p.samplePalindromes(job.count, job.length, p.uniform(job.seed), job.part);
    return { inputs: Array.from(inputs), targets: Array.from(targets) };
  },
  measured: () => { // palindromes on which the accuracy is measured
    const { samplePalindromes } = p, measured = [];
    p.samplePalindromes = (...values) => {
      const batch = samplePalindromes(...values);
      measured.push(...Array.from({ length: batch.count }, (_, b) => Array.from(batch.inputs.subarray(b * batch.steps, (b + 1) * batch.steps))));
      return batch;
    };
    for (const _ of p.freshAccuracy(asFloats(job.network), job.options));
    p.samplePalindromes = samplePalindromes;
    return measured;
  },
  parse: () => job.texts.map((text) => { const d = p.parsePalindrome(text, 5, 1000); return d && Array.from(d); }),
  wilson: () => p.wilsonInterval(job.correct, job.count),
  scores: () => Array.from(p.firstDigitScores(asFloats(job.network), job.options)),
  correct: () => p.countCorrect(asFloats(job.network), Uint8Array.from(job.digits.flat()), job.targets, job.digits.length, job.digits[0].length, job.mask),
  init: () => asLists(p.initNetwork(job.settings).parameters),
  curriculum: () => {
    const curriculum = p.createCurriculum(job.length, true);
    return job.accuracies.map((accuracy) => { curriculum.update(accuracy); return curriculum.length(); });
  },
  config: () => p.trainingConfig(job.settings),
  time: () => {
    const network = asFloats(job.network), start = performance.now();
    for (const _ of p.freshAccuracy(network, { length: job.length, count: job.count, seed: 1 }));
    return (performance.now() - start) / 1000;
  },
};
process.stdout.write(JSON.stringify(JOBS[job.job]()));
