// Numbers from base64 text: float16, float32 and 4-bit grey levels. No DOM.
"use strict";
(function (palingen) {
  const FLOAT16 = new Float32Array(65536); // value of every bit pattern
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31, fraction = bits & 1023, sign = bits & 0x8000 ? -1 : 1;
    if (exponent === 0) FLOAT16[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) FLOAT16[bits] = fraction ? NaN : sign * Infinity;
    else FLOAT16[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }

  /** Base64 to bytes. */
  function decodeBase64(text) {
    const raw = atob(text), out = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
    return out;
  }

  /** Little-endian float16 in base64 to numbers. */
  function decodeFloat16(text) {
    const bytes = decodeBase64(text), out = new Float32Array(bytes.length / 2);
    for (let i = 0; i < out.length; i++) out[i] = FLOAT16[bytes[2 * i] | (bytes[2 * i + 1] << 8)];
    return out;
  }

  /** Little-endian float32 in base64 to numbers. */
  function decodeFloat32(text) {
    const bytes = decodeBase64(text), view = new DataView(bytes.buffer), out = new Float32Array(bytes.length / 4);
    for (let i = 0; i < out.length; i++) out[i] = view.getFloat32(4 * i, true);
    return out;
  }

  /** Two of 16 grey levels in each byte, in base64, to levels from 0 to 255. */
  function decodeGray4(text) {
    const bytes = decodeBase64(text), out = new Uint8Array(2 * bytes.length);
    for (let i = 0; i < bytes.length; i++) {
      out[2 * i] = (bytes[i] >> 4) * 17;
      out[2 * i + 1] = (bytes[i] & 15) * 17;
    }
    return out;
  }

  /** Value of one float16. */
  const float16Value = (bits) => FLOAT16[bits];

  Object.assign(palingen, { float16Value, decodeFloat16, decodeFloat32, decodeGray4 });
})((globalThis.palingen ??= {}));
