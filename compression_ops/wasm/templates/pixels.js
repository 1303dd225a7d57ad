"use strict";
// A picture as the model's pixels, as compression_ops.data.formats.image_file reads it with Pillow: luma by ITU-R 601 or
// RGB, the largest centred square, resized bilinear with antialiasing in Pillow's own integers.

const BITS = 22; // of a weight's fraction, as in Pillow's Resample.c
const LARGEST = 4096; // pixels of a side that is read at most: what phones allow a canvas

function luma(red, green, blue) {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

// Of each of `out` pixels the first pixel of `size`, and the integer weights from there on, for the part start..end.
function weightsOf(size, start, end, out) {
  const scale = (end - start) / out;
  const support = Math.max(scale, 1);
  return Array.from({ length: out }, (_, at) => {
    const centre = start + (at + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const last = Math.min(Math.trunc(centre + support + 0.5), size);
    const found = [];
    for (let x = first; x < last; x++) found.push(Math.max(0, 1 - Math.abs((x - centre + 0.5) / support)));
    const total = found.reduce((sum, each) => sum + each, 0) || 1;
    return { first, weights: found.map((each) => Math.trunc(0.5 + (each / total) * 2 ** BITS)) };
  });
}

// Uint8Array [channels * side * side], channels first, of the square {left, top, square} of RGBA [width * height].
function fitted(rgba, width, height, { left, top, square }, channels, side) {
  const columns = weightsOf(width, left, left + square, side);
  const rows = weightsOf(height, top, top + square, side);
  const result = new Uint8Array(channels * side * side);
  const line = new Uint8Array(width);
  const narrow = new Uint8Array(height * side);
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0, at = y * width * 4; x < width; x++, at += 4)
        line[x] = channels === 1 ? luma(rgba[at], rgba[at + 1], rgba[at + 2]) : rgba[at + channel];
      for (let x = 0; x < side; x++) narrow[y * side + x] = weighted(line, columns[x].first, 1, columns[x].weights);
    }
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        result[(channel * side + y) * side + x] = weighted(narrow, rows[y].first * side + x, side, rows[y].weights);
  }
  return result;
}

function weighted(values, start, step, weights) {
  let sum = 2 ** (BITS - 1);
  for (let i = 0; i < weights.length; i++) sum += values[start + i * step] * weights[i];
  return Math.min(255, Math.floor(sum / 2 ** BITS));
}

// What a resize to `side` reads of a picture: its middle square, and half of an output pixel around it where there is any.
// The picture lies over white, and is reduced before if a canvas could not hold it.
function squareOf(source, width, height, side) {
  const square = Math.min(width, height);
  const margin = Math.ceil(square / side) + 1;
  const parts = [width, height].map((size) => {
    const start = (size - square) / 2;
    const first = Math.max(0, Math.floor(start - margin));
    return { start: start - first, first, size: Math.min(size, Math.ceil(start + square + margin)) - first };
  });
  const [across, down] = parts;
  const reduced = Math.min(1, LARGEST / square);
  const read = [across.size * reduced, down.size * reduced].map(Math.round);
  const context = surface(read[0], read[1]);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, read[0], read[1]);
  context.drawImage(source, across.first, down.first, across.size, down.size, 0, 0, read[0], read[1]);
  const box = { left: across.start * reduced, top: down.start * reduced, square: square * reduced };
  return { context, width: read[0], height: read[1], box, isReduced: reduced < 1 };
}

function surface(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas.getContext("2d", { willReadFrequently: true });
}

function pixelsOf({ context, width, height, box }, channels, side) {
  return fitted(context.getImageData(0, 0, width, height).data, width, height, box, channels, side);
}
