// Heat maps over time on a canvas, one under the other, and saving pictures.
"use strict";
(function (palingen) {
  const { memory, page } = palingen;
  const LABEL = 21, AXIS = 34, GAP = 8; // heights of a map's label and of the axis, and the space below a map, in pixels

  /** Small canvas with a pixel for each value: values [steps, rows] with step after step, `order` the rows from the top. */
  function paintPixels({ values, rows, low, high, kind }, steps, order) {
    const pixels = document.createElement("canvas"), table = memory.palette(kind), { length } = order ?? { length: rows };
    pixels.width = steps;
    pixels.height = length;
    const context = pixels.getContext("2d"), image = context.createImageData(steps, length), factor = 255 / (high - low);
    for (let r = 0, at = 0; r < length; r++) {
      const row = order ? order[r] : r;
      for (let t = 0; t < steps; t++, at += 4) {
        const level = Math.max(0, Math.min(255, Math.round((values[t * rows + row] - low) * factor)));
        for (let k = 0; k < 3; k++) image.data[at + k] = table[3 * level + k];
        image.data[at + 3] = 255;
      }
    }
    context.putImageData(image, 0, 0);
    return pixels;
  }

  /** Width of the margin on the left, which holds the names of rows where there are any. */
  const marginOf = (maps) => (maps.some(({ names }) => names) ? 16 : 0);

  /**
   * Draw heat maps with a common time axis.
   *
   * maps: [{ label, values [steps rows], rows, low, high, kind, height, order, names }]. Returns where the plot lies, for a cursor.
   */
  function drawHeatmaps(canvas, maps, { steps, xLabel = "step" }) {
    const total = maps.reduce((sum, { height }) => sum + LABEL + height + GAP, 0) + AXIS;
    const { context, width } = memory.prepare(canvas, total), left = marginOf(maps);
    let y = 0;
    const boxes = maps.map((map) => {
      const box = { top: y + LABEL, height: map.height };
      drawLabel(context, map, y + 9, width);
      context.imageSmoothingEnabled = steps > 2 * width;
      context.drawImage(paintPixels(map, steps, map.order), left, box.top, width - left, box.height);
      if (map.names) drawNames(context, map, box);
      y += LABEL + map.height + GAP;
      return box;
    });
    drawAxis(context, { steps, left, width, y: y - GAP, xLabel });
    return { left, width: width - left, total, boxes };
  }

  /** Name of the map, and the colours' scale at its right. */
  function drawLabel(context, { label, low, high, kind }, y, width) {
    context.textBaseline = "middle";
    context.fillStyle = memory.colour("text");
    context.textAlign = "left";
    context.fillText(label, 0, y);
    const table = memory.palette(kind), size = 64, right = width - context.measureText(memory.formatNumber(high)).width - 5;
    for (let i = 0; i < size; i++) {
      const at = 3 * Math.round((255 * i) / size);
      context.fillStyle = `rgb(${table[at]} ${table[at + 1]} ${table[at + 2]})`;
      context.fillRect(right - size + i, y - 5, 1, 10);
    }
    context.strokeStyle = memory.colour("border");
    context.lineWidth = 1;
    context.strokeRect(right - size - 0.5, y - 5.5, size + 1, 11);
    context.fillStyle = memory.colour("muted");
    context.fillText(memory.formatNumber(high), right + 5, y);
    context.textAlign = "right";
    context.fillText(memory.formatNumber(low), right - size - 5, y);
    context.textAlign = "left";
  }

  function drawNames(context, { names }, { top, height }) {
    context.fillStyle = memory.colour("muted");
    names.forEach((name, i) => context.fillText(name, 2, top + ((i + 0.5) * height) / names.length));
  }

  function drawAxis(context, { steps, left, width, y, xLabel }) {
    const size = width - left;
    context.fillStyle = memory.colour("muted");
    context.textAlign = "center";
    for (const v of memory.linearTicks(1, steps, Math.max(3, Math.floor(size / 90))))
      if (Number.isInteger(v) && v >= 1) {
        const x = left + ((v - 0.5) * size) / steps;
        context.fillText(memory.formatNumber(v), Math.min(width - 10, Math.max(left + 4, x)), y + 10);
      }
    context.fillText(xLabel, left + size / 2, y + 26);
    context.textAlign = "left";
  }

  /** Mark one step on a canvas that lies over the heat maps. */
  function drawCursor(canvas, { left, width, total, boxes }, steps, step) {
    const { context } = memory.prepare(canvas, total, left + width), size = width / steps, x = left + step * size;
    context.strokeStyle = memory.colour("cursor");
    context.lineWidth = 1.5;
    for (const { top, height } of boxes) context.strokeRect(x - 0.5, top - 1, Math.max(size, 2) + 1, height + 2);
  }

  /** Save canvases under each other as one PNG, on the background of the page, with a title. */
  function savePng(name, title, canvases) {
    const painted = canvases.filter((canvas) => canvas.width && canvas.dataset.painted), pad = 32;
    if (!painted.length) return page.announce("There is no picture to save yet");
    const sheet = document.createElement("canvas"), context = sheet.getContext("2d"), head = 44;
    sheet.width = Math.max(...painted.map(({ width }) => width)) + 2 * pad;
    sheet.height = painted.reduce((sum, { height }) => sum + height + pad / 2, head + 1.5 * pad);
    context.fillStyle = memory.colour("surface");
    context.fillRect(0, 0, sheet.width, sheet.height);
    context.fillStyle = memory.colour("text");
    context.font = '600 20px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
    context.fillText(title, pad, pad + 14);
    let y = head + pad;
    for (const canvas of painted) {
      context.drawImage(canvas, pad, y);
      y += canvas.height + pad / 2;
    }
    return sheet.toBlob((blob) => page.download(blob, `palingen-${name}.png`));
  }

  Object.assign(memory, { drawHeatmaps, drawCursor, savePng });
})(globalThis.palingen);
