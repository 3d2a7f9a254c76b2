// What each unit of the current network knows of the first digit, measured once for each network and length.
"use strict";
(function (palingen) {
  const { memory } = palingen;
  const MAX_LENGTH = 200; // longer palindromes are measured at this length
  let measured = { key: null, scores: null }, pending = null;

  const length = () => Math.min(memory.length(), MAX_LENGTH);
  const key = () => `${memory.current().id} ${length()}`;

  /** Scores [steps, units] from 0 to 1; null until they are measured. */
  const scores = () => (measured.key === key() ? measured.scores : null);

  /** Measure the scores unless they are there; then panels that need "scores" are drawn again. */
  function requestScores() {
    const requestedKey = key();
    if (measured.key === requestedKey || pending === requestedKey) return;
    pending = requestedKey;
    memory.measure("scores", { task: "scores", network: memory.final(memory.current()), length: length(), seed: 1 }, (answer) => {
      pending = null;
      measured = { key: requestedKey, scores: answer.scores };
      memory.notify(["scores"]);
    });
  }

  Object.assign(memory, { scores, requestScores, scoresLength: length });
})(globalThis.palingen);
