// Line charts on a canvas: axes with labels and units, a legend, marks, and error bars.
"use strict";
(function (palingen) {
  const { memory } = palingen;
  const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
  const RIGHT = 14, LINE = 18; // right margin and height of a line of text, in pixels

  /** Width that a canvas may fill, in whole pixels, so that its text stays sharp. */
  function fillWidth(canvas) {
    canvas.style.width = "";
    const width = Math.floor(canvas.getBoundingClientRect().width) || 600;
    canvas.style.width = `${width}px`;
    return width;
  }

  /** Make a canvas as sharp as the screen; return its context in CSS pixels, cleared, and its width. */
  function prepare(canvas, height, width = fillWidth(canvas)) {
    const scale = Math.max(1, devicePixelRatio);
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = FONT;
    canvas.dataset.painted = String(Number(canvas.dataset.painted ?? 0) + 1);
    return { context, width };
  }

  /** About `count` round numbers from low to high. */
  function linearTicks(low, high, count) {
    const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw), ticks = [];
    for (let v = Math.ceil(low / step) * step; v <= high + 1e-9 * step; v += step) ticks.push(Math.abs(v) < 1e-9 * step ? 0 : v);
    return ticks;
  }

  /** Powers of ten from low to high, at most `count` of them. */
  function logTicks(low, high, count) {
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
    const every = Math.max(1, Math.ceil((last - first + 1) / count)), ticks = [];
    for (let power = last; power >= first; power -= every) ticks.push(10 ** power);
    return ticks.reverse();
  }

  const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  function formatNumber(v) {
    if (v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e5)) {
      const power = Math.round(Math.log10(Math.abs(v)));
      return `10${power < 0 ? "⁻" : ""}${[...String(Math.abs(power))].map((d) => SUPERSCRIPTS[d]).join("")}`;
    }
    return Number(v.toPrecision(6)).toLocaleString("en");
  }

  function scaleOf({ min, max, log }, from, to) {
    const transform = log ? Math.log10 : (v) => v, low = transform(min), size = transform(max) - low || 1;
    return (v) => from + ((transform(v) - low) / size) * (to - from);
  }

  /**
   * Draw a chart.
   *
   * spec: x and y { label, min, max, log, ticks, format }; series [{ name, points: [[x, y, low, high], ...], colour, dash, dots }];
   * marks [{ x or y, label }]; height.
   */
  function drawChart(canvas, { x, y, series, marks = [], height = 240 }) {
    const { context, width } = prepare(canvas, height), format = y.format ?? formatNumber;
    const yTicks = y.ticks ?? (y.log ? logTicks : linearTicks)(y.min, y.max, 5);
    const legend = layoutLegend(context, series, width), title = wrap(context, y.label, width);
    const top = legend.height + title.length * LINE + 6, bottom = height - 40;
    const left = 12 + Math.max(...yTicks.map((v) => context.measureText(format(v)).width));
    const toX = scaleOf(x, left, width - RIGHT), toY = scaleOf(y, bottom, top);
    const xTicks = x.ticks ?? (x.log ? logTicks(x.min, x.max, 6) : linearTicks(x.min, x.max, Math.max(3, Math.floor(width / 90))));
    drawAxes(context, { x, xTicks, yTicks, toX, toY, left, right: width - RIGHT, bottom, format, legend, title });
    context.save();
    context.beginPath();
    context.rect(left - 4, top - 6, width - RIGHT - left + 10, bottom - top + 12);
    context.clip();
    for (const mark of marks) drawMark(context, mark, toX, toY, { left, right: width - RIGHT, top, bottom });
    for (const line of series) drawLine(context, line, toX, toY, y.log ? y.min : -Infinity);
    for (const mark of marks) if (mark.label) drawMarkLabel(context, mark, toX, toY, { left, right: width - RIGHT, top });
    context.restore();
  }

  function drawAxes(context, { x, xTicks, yTicks, toX, toY, left, right, bottom, format, legend, title }) {
    context.fillStyle = memory.colour("muted");
    context.strokeStyle = memory.colour("grid");
    context.lineWidth = 1;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const v of yTicks) {
      const at = Math.round(toY(v)) + 0.5;
      context.beginPath();
      context.moveTo(left, at);
      context.lineTo(right, at);
      context.stroke();
      context.fillText(format(v), left - 6, at);
    }
    context.textAlign = "center";
    for (const v of xTicks) {
      const text = (x.format ?? formatNumber)(v), half = context.measureText(text).width / 2;
      context.fillText(text, Math.min(toX(v), right + RIGHT - half), bottom + 12);
    }
    context.fillText(x.label, (left + right) / 2, bottom + 30);
    context.textAlign = "left";
    title.forEach((line, i) => context.fillText(line, 0, legend.height + i * LINE + 9));
    drawLegend(context, legend);
  }

  /** Text in lines that are at most `width` wide. */
  function wrap(context, text, width) {
    const lines = [];
    for (const word of text.split(" ")) {
      const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
      if (lines.length && context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    return lines;
  }

  /** Entries of the legend in rows, as many in each as fit. */
  function layoutLegend(context, series, width) {
    const entries = [];
    let x = 0, row = 0;
    for (const line of series.filter(({ name }) => name)) {
      const size = 26 + context.measureText(line.name).width + 18;
      if (x && x + size > width) [x, row] = [0, row + 1];
      entries.push({ line, x, y: row * LINE + 9 });
      x += size;
    }
    return { entries, height: entries.length ? (row + 1) * LINE + 4 : 0 };
  }

  function drawLegend(context, { entries }) {
    for (const { line, x, y } of entries) {
      strokeStyle(context, line);
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + 20, y);
      context.stroke();
      context.setLineDash([]);
      context.fillStyle = memory.colour("text");
      context.fillText(line.name, x + 26, y);
    }
  }

  function strokeStyle(context, { colour, dash }) {
    context.strokeStyle = memory.colour(colour);
    context.lineWidth = 2;
    context.setLineDash(dash ? [5, 4] : []);
  }

  function drawLine(context, line, toX, toY, floor) {
    strokeStyle(context, line);
    context.beginPath();
    for (const [x, y] of line.points) context.lineTo(toX(x), toY(Math.max(y, floor)));
    if (!line.dots) context.stroke();
    context.setLineDash([]);
    if (!line.dots && line.points.length > 1) return;
    context.fillStyle = memory.colour(line.colour);
    for (const [x, y, low, high] of line.points) {
      context.beginPath();
      context.arc(toX(x), toY(Math.max(y, floor)), 3.5, 0, 7);
      context.fill();
      if (low === undefined) continue;
      context.beginPath();
      context.moveTo(toX(x), toY(low));
      context.lineTo(toX(x), toY(high));
      context.stroke();
    }
  }

  function drawMark(context, { x, y, strong }, toX, toY, { left, right, top, bottom }) {
    context.strokeStyle = memory.colour(strong ? "cursor" : "off");
    context.lineWidth = strong ? 1.5 : 1;
    context.setLineDash(strong ? [] : [4, 4]);
    context.beginPath();
    if (x !== undefined) { context.moveTo(toX(x), top); context.lineTo(toX(x), bottom); }
    else { context.moveTo(left, toY(y)); context.lineTo(right, toY(y)); }
    context.stroke();
    context.setLineDash([]);
  }

  /** Label of a mark, with a rim in the colour of the page, since it may lie over the curves. */
  function drawMarkLabel(context, { x, y, label }, toX, toY, { left, right, top }) {
    const isVertical = x !== undefined, isRight = !isVertical || toX(x) > (left + right) / 2;
    const at = isVertical ? [toX(x) + (isRight ? -6 : 6), top + 14] : [right, toY(y) - 9];
    context.textAlign = isRight ? "right" : "left";
    context.strokeStyle = memory.colour("surface");
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeText(label, ...at);
    context.fillStyle = memory.colour("muted");
    context.fillText(label, ...at);
    context.textAlign = "left";
  }

  const percentAxis = (label) => ({ label, min: 0, max: 1, ticks: [0, 0.25, 0.5, 0.75, 1], format: (v) => `${Math.round(100 * v)} %` });

  Object.assign(memory, { prepare, drawChart, linearTicks, formatNumber, percentAxis });
})(globalThis.palingen);
