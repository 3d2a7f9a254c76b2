// Requests to the worker, and its answers.
"use strict";
(function (palingen) {
  const { byId } = palingen.page;

  // The worker is made from text of this page, since a page opened from the disk may not load other files.
  const SCRIPTS = ["shared-maths", "maths", "worker"];
  const source = new Blob(SCRIPTS.map((id) => byId(id).textContent), { type: "text/javascript" });
  let worker = null; // made when the first request is sent
  const callbacks = new Map(); // by id of the request
  let lastId = 0;

  function post(message) {
    worker ??= Object.assign(new Worker(URL.createObjectURL(source)), { onmessage: receive });
    worker.postMessage(message);
  }

  function receive({ data }) {
    const callback = callbacks.get(data.id);
    if (data.done) callbacks.delete(data.id);
    callback?.(data);
  }

  /** Requests that wait for the remaining weights; null once these are with the worker. */
  let deferred = [];

  /** Images of the first generator without probabilities, which need its weights only. */
  const isEarly = ({ task, model, withProbabilities }) => task === "generate" && !model && !withProbabilities;

  /** Send the worker a request; `callback` gets each answer. */
  function request(message, callback) {
    const id = ++lastId;
    callbacks.set(id, callback);
    if (deferred && message.task !== "load" && !isEarly(message)) deferred.push({ id, ...message });
    else post({ id, ...message });
  }

  /** Send a request that has one answer; resolves to it. */
  const requestOnce = (message) => new Promise((resolve) => request(message, resolve));

  /** Send a request of a channel after the answer to its last one; of several that wait, only the newest is sent. */
  const channels = new Map();
  function requestLatest(channel, message, callback) {
    const state = channels.get(channel) ?? { busy: false, next: null };
    channels.set(channel, state);
    if (state.busy) {
      state.next = [message, callback];
      return;
    }
    state.busy = true;
    request(message, (answer) => {
      const { next } = state;
      Object.assign(state, { busy: false, next: null });
      if (next) requestLatest(channel, ...next);
      callback(answer);
    });
  }

  /** Move the weights in a script element to the worker; the page does not keep a second copy. */
  function loadWeights(id) {
    const text = byId(id).textContent;
    byId(id).remove();
    return requestOnce({ task: "load", text });
  }

  /** Load the remaining weights, then send the requests that wait for them. */
  async function loadRemainingWeights() {
    const answer = loadWeights("remaining-weights");
    for (const message of deferred) post(message);
    deferred = null;
    return answer;
  }

  /** Whether the worker has answered everything. */
  const allAnswered = () => callbacks.size === 0;

  Object.assign(palingen.page, { request, requestOnce, requestLatest, loadWeights, loadRemainingWeights, allAnswered });
})(globalThis.palingen);
