// Controls that several panels share: play buttons, groups of buttons, announcements.
"use strict";
(function (palingen) {
  const byId = (id) => document.getElementById(id);

  const MESSAGE_MS = 8000;
  let messageTimer = 0;

  /** Show a short message, which screen readers speak. */
  function announce(text) {
    const status = document.querySelector(".lab:not([hidden]) [role=status]");
    status.textContent = text;
    clearTimeout(messageTimer);
    messageTimer = setTimeout(() => { status.textContent = ""; }, MESSAGE_MS);
  }

  // A plain link to an element would replace the link to the view.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(".skip");
    if (!link) return;
    event.preventDefault();
    const target = document.querySelector(link.getAttribute("href"));
    target.tabIndex = -1;
    target.focus();
  });

  /** Call `advance(seconds)` on every frame while the button is pressed. */
  function playButton(button, advance) {
    let last = 0, running = false;
    const frame = (now) => {
      if (!running) return;
      advance(Math.min(0.1, (now - last) / 1000));
      last = now;
      requestAnimationFrame(frame);
    };
    button.addEventListener("click", () => {
      running = !running;
      button.setAttribute("aria-pressed", String(running));
      button.textContent = running ? "Pause" : "Play";
      last = performance.now();
      if (running) requestAnimationFrame(frame);
    });
  }

  const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

  /** Step [right, down] of an arrow key; undefined for other keys. */
  const arrowStep = (event) => ARROWS[event.key];

  /** Make a grid of buttons one stop of the Tab key, with arrow keys to move within it (roving tabindex). `columns` may be a function. */
  function rovingTabindex(group, columns) {
    group.addEventListener("keydown", (event) => {
      const step = arrowStep(event), buttons = [...group.querySelectorAll("button")];
      const at = buttons.indexOf(document.activeElement), to = step && buttons[at + step[0] + (typeof columns === "function" ? columns() : columns) * step[1]];
      if (at < 0 || !to) return;
      event.preventDefault();
      buttons[at].tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    });
  }

  const clamp = (v, low, high) => Math.min(high, Math.max(low, v));

  palingen.page = { byId, announce, playButton, arrowStep, rovingTabindex, clamp, panels: [] };
})((globalThis.palingen ??= {}));
