// Numbers from text: half and single precision, grey levels. No DOM.
"use strict";
(function (palingen) {
  const HALVES = new Float32Array(65536); // every half-precision number by its bits
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31, fraction = bits & 1023, sign = bits & 0x8000 ? -1 : 1;
    if (exponent === 0) HALVES[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) HALVES[bits] = fraction ? NaN : sign * Infinity;
    else HALVES[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }

  /** The bytes that a base64 text stands for. */
  function bytes(text) {
    const raw = atob(text), out = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
    return out;
  }

  /** Little-endian float16 in base64 to Float32Array. */
  function halves(text) {
    const raw = bytes(text), out = new Float32Array(raw.length / 2);
    for (let i = 0; i < out.length; i++) out[i] = HALVES[raw[2 * i] | (raw[2 * i + 1] << 8)];
    return out;
  }

  /** Little-endian float32 in base64 to Float32Array. */
  function floats(text) {
    const raw = bytes(text), view = new DataView(raw.buffer), out = new Float32Array(raw.length / 4);
    for (let i = 0; i < out.length; i++) out[i] = view.getFloat32(4 * i, true);
    return out;
  }

  /** Two grey levels of 16 a byte, in base64, to levels from 0 to 255. */
  function greys(text) {
    const raw = bytes(text), out = new Uint8Array(2 * raw.length);
    for (let i = 0; i < raw.length; i++) { out[2 * i] = (raw[i] >> 4) * 17; out[2 * i + 1] = (raw[i] & 15) * 17; }
    return out;
  }

  Object.assign(palingen, { bytes, halves, floats, greys });
})((globalThis.palingen ??= {}));
