// Runs the maths of the digits page under Node: one job as JSON on standard input, its result on standard output.
"use strict";
const path = require("node:path");
const web = path.join(__dirname, "..", "src", "palingen", "web");
for (const name of ["decode", "random"]) require(path.join(web, "shared", `${name}.js`));
for (const name of ["convolutions", "network", "latents", "images", "inversion", "state"])
  require(path.join(web, "digits", "maths", `${name}.js`));
const job = JSON.parse(require("node:fs").readFileSync(0, "utf8")), p = globalThis.palingen;
const floats = (values) => Float32Array.from(values.flat(2));

const JOBS = {
  float16: () => Array.from(p.decodeFloat16(job.text)),
  gray4: () => Array.from(p.decodeGray4(job.text)),
  forward: () => Array.from(p.forward(p.decodeNetwork(job.network), floats(job.inputs), job.inputs.length)),
  backward: () => {
    const network = p.decodeNetwork(job.network), tape = [], n = job.inputs.length;
    p.forward(network, floats(job.inputs), n, tape);
    return Array.from(p.backward(network, tape, floats(job.gradient), n));
  },
  softmax: () => p.softmax(job.logits),
  normal: () => Array.from(p.normal(job.count, job.seed)),
  interpolations: () => ["lerp", "slerp"].map((name) =>
    job.fractions.map((t) => Array.from(p[name](floats(job.a), floats(job.b), t)))),
  pins: () => {
    const pins = job.pins.map((pin) => Float32Array.from(pin));
    return p.PIN_POSITIONS.map(([x, y]) => Array.from(p.planeThroughPins(pins, x, y, job.latentDim)));
  },
  principal: () => {
    const [z, first, second] = [job.z, job.first, job.second].map((values) => Float32Array.from(values));
    return job.positions.map(([x, y]) => Array.from(p.planeAlong(z, first, second, x, y)));
  },
  quantize: () => {
    const input = p.quantize(floats(job.input));
    return [Array.from(input), p.packInput(input), Array.from(p.quantize(input))];
  },
  state: () => p.parseState(job.hash),
  hash: () => p.formatState(p.parseState(job.hash)),
  nearest: () => p.nearestImage(Uint8Array.from(job.image), Uint8Array.from(job.images.flat())),
  invert: () => {
    const network = p.decodeNetwork(job.network), target = floats(job.target), starts = floats(job.starts);
    return [...p.invert(network, target, starts, job.latentDim)].map((step) => step.loss);
  },
};
process.stdout.write(JSON.stringify(JOBS[job.job]()));
