// Images as pixels: conversion, distance, and the bounds of a drawing. No DOM.
"use strict";
(function (palingen) {
  /** Pixels of an image of 28 x 28. */
  const IMAGE_PIXELS = 784;

  /** Images in [-1, 1] to grey levels from 0 to 255. */
  const toPixels = (images) => Uint8Array.from(images, (v) => Math.round((Math.min(1, Math.max(-1, v)) + 1) * 127.5));

  /** Grey levels from 0 to 255 to images in [-1, 1]. */
  const toUnit = (pixels) => Float32Array.from(pixels, (v) => v / 127.5 - 1);

  /** Image k of several. */
  const imageAt = (pixels, k) => pixels.subarray(k * IMAGE_PIXELS, (k + 1) * IMAGE_PIXELS);

  /** Sum of the squared differences of two images; stops adding above `limit`. */
  function squaredDistance(a, b, limit = Infinity) {
    let sum = 0;
    for (let i = 0; i < a.length && sum < limit; i++) sum += (a[i] - b[i]) ** 2;
    return sum;
  }

  /** Index of the image nearest to `pixels`, and their root mean square (RMS) difference, where white minus black is 1. */
  function nearestImage(pixels, images) {
    let best = Infinity, index = 0;
    for (let k = 0; k < images.length / IMAGE_PIXELS; k++) {
      const distance = squaredDistance(pixels, imageAt(images, k), best);
      if (distance < best) [best, index] = [distance, k];
    }
    return { index, distance: Math.sqrt(best / IMAGE_PIXELS) / 255 };
  }

  /** Size of the ink of a square RGBA image, and its centre of mass; null if there is none. */
  function inkBounds(rgba, size) {
    let [left, right, top, bottom, mass, x, y] = [size, -1, size, -1, 0, 0, 0];
    for (let k = 0; k < size * size; k++) {
      const ink = rgba[4 * k + 3], column = k % size, row = Math.floor(k / size);
      if (ink < 32) continue;
      left = Math.min(left, column); right = Math.max(right, column);
      top = Math.min(top, row); bottom = Math.max(bottom, row);
      mass += ink; x += ink * column; y += ink * row;
    }
    return mass ? { width: right - left + 1, height: bottom - top + 1, x: x / mass, y: y / mass } : null;
  }

  Object.assign(palingen, { IMAGE_PIXELS, toPixels, toUnit, imageAt, squaredDistance, nearestImage, inkBounds });
})((globalThis.palingen ??= {}));
