// Start of the memory page.
"use strict";
(function (palingen) {
  const { memory } = palingen;

  memory.isIdle = () => memory.allMeasured() && memory.isLinkWritten();

  function start() {
    for (const panel of memory.panels) panel();
    memory.notify(["net"]);
  }

  palingen.tabs.register("memory", { start, link: memory.link });
})(globalThis.palingen);
