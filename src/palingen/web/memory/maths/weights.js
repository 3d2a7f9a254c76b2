// Networks from and to data: the page's own, and safetensors files as `palingen.load_network` reads and writes them. No DOM.
"use strict";
(function (palingen) {
  const { CELLS } = palingen;
  const BYTES = { F32: 4, F16: 2 };

  /** A network of the page's data: parameters as float16 or float32 in base64. */
  function decodeRecurrent({ cell, inputSize, hiddenSize, parameters }) {
    const decoded = Object.entries(parameters).map(([name, { float16, float32 }]) =>
      [name, float16 ? palingen.decodeFloat16(float16) : palingen.decodeFloat32(float32)]);
    return { cell, inputSize, hiddenSize, parameters: Object.fromEntries(decoded) };
  }

  /** Shape of a part of the learned initial state, which not every network has. */
  const learnedShape = ({ hiddenSize }) => [hiddenSize];

  /** Bytes of a safetensors file: an aligned JSON header, then the tensors as little-endian float32. */
  function writeSafetensors(network, config) {
    const shapes = palingen.parameterShapes(network), header = {}, names = Object.keys(network.parameters).sort();
    let end = 0;
    header.__metadata__ = { config: JSON.stringify(config), made_by: "palingen explore" };
    for (const name of names) {
      const start = end;
      end += 4 * network.parameters[name].length;
      header[name] = { dtype: "F32", shape: shapes[name] ?? learnedShape(network), data_offsets: [start, end] };
    }
    let text = JSON.stringify(header);
    text += " ".repeat((8 - (text.length % 8)) % 8);
    const bytes = new Uint8Array(8 + text.length + end), view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(text.length), true);
    for (let i = 0; i < text.length; i++) bytes[8 + i] = text.charCodeAt(i);
    for (const name of names)
      network.parameters[name].forEach((v, i) => view.setFloat32(8 + text.length + header[name].data_offsets[0] + 4 * i, v, true));
    return bytes;
  }

  /** Network and config of a safetensors file; throws an Error in plain words if it is no palindrome network. */
  function readSafetensors(buffer) {
    const { header, start } = readHeader(buffer), config = readConfig(header), view = new DataView(buffer);
    const network = { cell: config.cell, inputSize: config.input_encoding === "scalar" ? 1 : 10, hiddenSize: config.hidden_size, parameters: {} };
    const shapes = palingen.parameterShapes(network);
    const learned = Object.keys(header).filter((name) => name.startsWith("recurrent.initial_state."));
    for (const name of [...Object.keys(shapes), ...learned]) {
      const tensor = header[name], shape = shapes[name] ?? learnedShape(network);
      if (!tensor || String(tensor.shape) !== String(shape)) throw new Error(`${name} is missing or has another shape`);
      network.parameters[name] = readTensor(view, start, tensor);
    }
    return { network, config };
  }

  function readHeader(buffer) {
    try {
      const length = Number(new DataView(buffer).getBigUint64(0, true));
      return { header: JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length))), start: 8 + length };
    } catch {
      throw new Error("this is no safetensors file");
    }
  }

  function readConfig(header) {
    let config = null;
    try { config = JSON.parse(header.__metadata__.config); } catch { /* reported below */ }
    if (config?.kind !== "PalindromeConfig" || !CELLS[config.cell]) throw new Error("it holds no palindrome network of palingen");
    return config;
  }

  function readTensor(view, start, { dtype, data_offsets: [from, to] }) {
    const size = BYTES[dtype];
    if (!size || start + to > view.byteLength) throw new Error("its numbers are neither float32 nor float16, or it is cut off");
    return Float32Array.from({ length: (to - from) / size }, (_, i) => {
      const at = start + from + size * i;
      return size === 4 ? view.getFloat32(at, true) : palingen.float16Value(view.getUint16(at, true));
    });
  }

  /** Config of a network trained in the page, as `palingen palindrome train` would have it. */
  function trainingConfig(settings) {
    const { cell, length, inputSize, hiddenSize, optimizer, learningRate, maxGradNorm, forgetBias, curriculum } = settings;
    const { batchSize, steps, seed } = settings;
    return {
      kind: "PalindromeConfig", cell, length, input_encoding: inputSize === 1 ? "scalar" : "one-hot", online_data: true,
      hidden_size: hiddenSize, optimizer, learning_rate: learningRate, max_grad_norm: maxGradNorm,
      forget_bias_init: CELLS[cell].forgetGate ? forgetBias : null, curriculum_threshold: curriculum ? 0.99 : null,
      batch_size: batchSize, epochs: Math.max(1, Math.ceil((steps * batchSize) / 8000)), seed,
    };
  }

  Object.assign(palingen, { decodeRecurrent, writeSafetensors, readSafetensors, trainingConfig });
})((globalThis.palingen ??= {}));
