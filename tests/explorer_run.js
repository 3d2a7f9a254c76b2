// Runs the explorer's maths under Node: a job as JSON on standard input, its answer as JSON on standard output.
"use strict";
const path = require("node:path");
const scripts = path.join(__dirname, "..", "src", "palingen", "explorer");
for (const name of ["numbers", "convolutions", "generator", "latent"]) require(path.join(scripts, `${name}.js`));
const job = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const p = globalThis.palingen;
const f = (values) => Float32Array.from(values.flat(2));

const JOBS = {
  halves: () => Array.from(p.halves(job.text)),
  greys: () => Array.from(p.greys(job.text)),
  forward: () => Array.from(p.forward(p.decode(job.network), f(job.inputs), job.inputs.length)),
  back: () => {
    const network = p.decode(job.network), tape = [], n = job.inputs.length;
    p.forward(network, f(job.inputs), n, tape);
    return Array.from(p.back(network, tape, f(job.gradient), n));
  },
  noise: () => Array.from(p.noise(job.count, job.seed)),
  walks: () => ["lerp", "slerp"].map((walk) => job.fractions.map((t) => Array.from(p[walk](f(job.a), f(job.b), t)))),
  pins: () => p.CORNERS.map(([across, down]) => Array.from(p.throughPins(job.pins.map((a) => f(a)), across, down, job.dim))),
  packed: () => { const input = p.rounded(f(job.input)); return [Array.from(input), p.pack(input), Array.from(p.rounded(input))]; },
  search: () => {
    const steps = [...p.search(p.decode(job.network), f(job.target), f(job.starts), job.dim)];
    return steps.map((step) => step.loss);
  },
};
process.stdout.write(JSON.stringify(JOBS[job.job]()));
