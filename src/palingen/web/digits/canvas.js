// Images on canvases: ink as alpha, which the style sheet inverts in dark mode.
"use strict";
(function (palingen) {
  const SIZE = 28;

  /** Draw one image with its upper left corner at (x, y). */
  function drawImage(context, pixels, x, y) {
    const image = context.createImageData(SIZE, SIZE);
    pixels.forEach((level, i) => { image.data[4 * i + 3] = level; });
    context.putImageData(image, x, y);
  }

  /** Replace what a canvas shows by images side by side, row by row, `gap` pixels apart. */
  function paint(canvas, pixels, columns = 1, gap = 0) {
    const count = pixels.length / palingen.IMAGE_PIXELS, cell = SIZE + gap, context = canvas.getContext("2d");
    const width = columns * cell - gap, height = Math.ceil(count / columns) * cell - gap;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    else context.clearRect(0, 0, width, height);
    for (let i = 0; i < count; i++)
      drawImage(context, palingen.imageAt(pixels, i), (i % columns) * cell, Math.floor(i / columns) * cell);
    canvas.dataset.painted = String(Number(canvas.dataset.painted ?? 0) + 1);
  }

  /** Save canvases side by side as one PNG, in the colours of the page. */
  function savePng(name, canvases, scale = 8) {
    const sheet = document.createElement("canvas"), context = sheet.getContext("2d"), gap = 16;
    const columns = canvases.length > 9 ? 5 : canvases.length, rows = Math.ceil(canvases.length / columns);
    const width = canvases[0].width * scale, height = canvases[0].height * scale;
    sheet.width = columns * (width + gap) + gap;
    sheet.height = rows * (height + gap) + gap;
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    context.fillStyle = dark ? "#000" : "#fff";
    context.fillRect(0, 0, sheet.width, sheet.height);
    if (dark) context.filter = "invert(1)";
    canvases.forEach((canvas, i) => {
      const left = gap + (i % columns) * (width + gap), top = gap + Math.floor(i / columns) * (height + gap);
      context.drawImage(canvas, left, top, width, height);
    });
    sheet.toBlob((blob) => palingen.page.download(blob, `palingen-${name}.png`));
  }

  Object.assign(palingen.page, { drawImage, paint, savePng });
})(globalThis.palingen);
