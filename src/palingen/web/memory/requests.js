// Requests to workers: one for measurements, and one for each training.
"use strict";
(function (palingen) {
  const { memory, page } = palingen;

  // Workers are made from text of this page, since a page opened from the disk may not load other files.
  let source = null;
  function workerUrl() {
    const scripts = ["shared-maths", "memory-maths", "memory-worker"].map((id) => page.byId(id).textContent);
    source ??= URL.createObjectURL(new Blob(scripts, { type: "text/javascript" }));
    return source;
  }

  let open = 0; // requests that are not answered
  let lastId = 0;

  /** A worker that is made at the first request. */
  function createClient() {
    const callbacks = new Map();
    let worker = null;

    function receive({ data }) {
      const callback = callbacks.get(data.id);
      if (data.done && callbacks.delete(data.id)) open--;
      if (!data.cancelled) callback?.(data);
    }

    /** Send a request; `callback` gets each answer. Returns its id. */
    function request(message, callback) {
      worker ??= Object.assign(new Worker(workerUrl()), { onmessage: receive });
      const id = ++lastId;
      callbacks.set(id, callback);
      open++;
      worker.postMessage({ id, ...message });
      return id;
    }

    const cancel = (id) => { if (callbacks.has(id)) worker.postMessage({ cancel: id }); };

    return { request, cancel };
  }

  const measurements = createClient(), channels = new Map();

  /** Measure in the background; a new measurement of the same channel replaces the last one. */
  function measure(channel, message, callback) {
    measurements.cancel(channels.get(channel)?.id);
    const entry = {};
    channels.set(channel, entry);
    entry.id = measurements.request(message, (answer) => { if (channels.get(channel) === entry) callback(answer); });
  }

  Object.assign(memory, { createClient, measure, allMeasured: () => open === 0 });
})(globalThis.palingen);
