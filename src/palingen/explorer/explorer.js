// The page: its view, its worker, and what all panels share. DOM, no maths; each panel has a file beside this one.
"use strict";
(function (palingen) {
  const byId = (id) => document.getElementById(id);
  const card = JSON.parse(byId("card").textContent);
  const quiet = matchMedia("(prefers-reduced-motion: reduce)");

  // The worker, made from the text of this page: a page opened from a disk may load no other file.
  const source = new Blob([byId("maths").textContent, byId("worker").textContent], { type: "text/javascript" });
  const worker = new Worker(URL.createObjectURL(source));
  const waiting = new Map();
  let messages = 0;

  worker.onmessage = ({ data }) => {
    const heard = waiting.get(data.id);
    if (data.done) waiting.delete(data.id);
    heard?.(data);
  };

  /**
   * Give the worker a task; `heard` is called with each answer. The first generator is there before the rest of the
   * page is read, so that pictures come early; what needs more waits for the rest.
   */
  let early = [];
  function ask(message, heard) {
    const id = ++messages, plain = message.task === "draw" && !message.model && !message.judged;
    waiting.set(id, heard);
    if (early && !plain && message.task !== "open") early.push({ id, ...message });
    else worker.postMessage({ id, ...message });
  }

  /** Whether the worker has answered everything and the link is written. */
  const idle = () => waiting.size === 0 && !writing;

  const ask1 = (message) => new Promise((resolve) => ask(message, resolve));

  /** The same for what may be asked faster than it is answered: of those that wait, only the newest goes out. */
  const lines = new Map();
  function askLatest(line, message, heard) {
    const state = lines.get(line) ?? { busy: false, next: null };
    lines.set(line, state);
    if (state.busy) { state.next = [message, heard]; return; }
    state.busy = true;
    ask(message, (answer) => {
      state.busy = false;
      const next = state.next;
      state.next = null;
      if (next) askLatest(line, ...next);
      heard(answer);
    });
  }

  // The view: fields in the hash; `auto` fills what was not chosen.
  let view;
  const auto = { z: null, a: null, b: null, c: null };
  const listeners = [];
  let writing = 0;

  const on = (names, heard) => listeners.push({ names, heard });
  const model = () => card.models[view.m];
  const width = () => model().latentDim + model().classes;

  function read() {
    view = palingen.parseView(location.hash);
    if (!card.models[view.m]) view.m = 0;
    for (const name of Object.keys(auto)) if (view[name] && !palingen.unpack(view[name], width())) view[name] = null;
  }
  read();

  function tell(names) {
    for (const { names: wanted, heard } of listeners) if (wanted.some((name) => names.includes(name))) heard();
  }

  /** Change the view; who listens to what changed draws anew, and the link follows. */
  function set(changes) {
    const names = Object.keys(changes).filter((name) => view[name] !== changes[name]);
    if (!names.length) return;
    Object.assign(view, changes);
    tell(names);
    clearTimeout(writing);
    writing = setTimeout(() => {
      writing = 0;
      history.replaceState(null, "", location.href.split("#")[0] + palingen.formatView(view));
    }, 150);
  }

  function setAuto(found) {
    const names = Object.keys(found).filter((name) => auto[name] !== found[name] && view[name] === null);
    Object.assign(auto, found);
    tell(names);
  }

  /** An input by its field (your digit before the sliders, or a pin); null while nothing is drawn yet. */
  function input(name) {
    const text = view[name] ?? auto[name];
    return text && palingen.unpack(text, width());
  }

  const steps = () => model().directions.map((_, i) => (Number(view.s.split(".")[i]) || 0) / 10);

  /** Your digit with the sliders where they are. */
  function mine() {
    const base = input("z");
    if (!base) return null;
    return palingen.along(base, model().directions.map(({ vector }) => vector), steps());
  }

  /** Make an input your digit. */
  const choose = (latents) => set({ z: palingen.pack(latents), s: "" });

  // Pictures: ink with an alpha, which the style sheet turns over in the dark.
  function paint(canvas, pixels, columns = 1, gap = 0) {
    const count = pixels.length / 784, rows = Math.ceil(count / columns), pen = canvas.getContext("2d");
    const [wide, tall] = [columns * (28 + gap) - gap, rows * (28 + gap) - gap];
    if (canvas.width !== wide || canvas.height !== tall) [canvas.width, canvas.height] = [wide, tall];
    else pen.clearRect(0, 0, wide, tall);
    for (let i = 0; i < count; i++) {
      const image = pen.createImageData(28, 28);
      for (let k = 0; k < 784; k++) image.data[4 * k + 3] = pixels[784 * i + k];
      pen.putImageData(image, (i % columns) * (28 + gap), Math.floor(i / columns) * (28 + gap));
    }
    canvas.dataset.drawn = String(Number(canvas.dataset.drawn ?? 0) + 1);
  }

  /** Save canvases side by side as one PNG, in the colours of the page. */
  function save(name, canvases, scale = 8) {
    const sheet = document.createElement("canvas"), pen = sheet.getContext("2d"), gap = 16;
    const columns = canvases.length > 9 ? 5 : canvases.length, rows = Math.ceil(canvases.length / columns);
    const each = canvases[0], wide = each.width * scale, tall = each.height * scale;
    sheet.width = columns * (wide + gap) + gap;
    sheet.height = rows * (tall + gap) + gap;
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    pen.fillStyle = dark ? "#000" : "#fff";
    pen.fillRect(0, 0, sheet.width, sheet.height);
    if (dark) pen.filter = "invert(1)";
    canvases.forEach((canvas, i) => {
      pen.drawImage(canvas, gap + (i % columns) * (wide + gap), gap + Math.floor(i / columns) * (tall + gap), wide, tall);
    });
    sheet.toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `palingen-${name}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      say(`Saved ${link.download}`);
    });
  }

  /** "7, 98 %" from probabilities. */
  function words(verdict) {
    const top = verdict.indexOf(Math.max(...verdict));
    return `${top}, ${Math.floor(100 * verdict[top])} %`;
  }

  function say(text) { byId("said").textContent = text; }

  /** Call `move(seconds)` on every frame while the button is pressed. */
  function player(button, move) {
    let last = 0, running = false;
    const frame = (now) => {
      if (!running) return;
      move(Math.min(0.1, (now - last) / 1000));
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

  /** A group of buttons with one stop for the Tab key: arrows move inside. */
  function roving(group, columns) {
    group.addEventListener("keydown", (event) => {
      const buttons = [...group.querySelectorAll("button")], at = buttons.indexOf(document.activeElement);
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
      if (at < 0 || step === undefined || !buttons[at + step]) return;
      event.preventDefault();
      buttons[at].tabIndex = -1;
      buttons[at + step].tabIndex = 0;
      buttons[at + step].focus();
    });
  }

  const panels = [];
  /** Hand the worker a part of the weights; it has them then, and the page need not keep them twice. */
  function hand(id) {
    const text = byId(id).textContent;
    byId(id).remove();
    return ask1({ task: "open", text });
  }

  function start() {
    hand("first");
    for (const panel of panels) panel();
    tell(Object.keys(auto)); // what the link chose
  }

  document.addEventListener("DOMContentLoaded", async () => {
    const rest = hand("rest");
    for (const message of early) worker.postMessage(message);
    early = null;
    page.bank = (await rest).bank;
    tell(["bank"]);
  });

  addEventListener("hashchange", () => { read(); tell(Object.keys(view)); });

  const page = {
    byId, card, quiet, ask, ask1, askLatest, on, set, setAuto, model, width, input, mine, steps, choose, paint, save,
    words, say, player, roving, panels, start, idle, bank: null, view: () => view,
  };
  palingen.page = page;
})((globalThis.palingen ??= {}));
