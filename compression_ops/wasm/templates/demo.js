// The page: a drawing, a file or the camera becomes the model's pixels; the module computes; bars tell.

const model = JSON.parse(element("model").textContent);
const pad = element("pad");
const colours = inkOf(model);
const thickness = Math.max(THICKNESS, 1 / model.side);
const SIDES = `${model.side}\u00a0×\u00a0${model.side}`;
const ROWS = 10; // classes that are shown of many
const ENOUGH = 20; // milliseconds that a measured series of calls takes at least
let strokes = []; // of the drawing, points in 0..1
let picture = null; // what was opened, {name, bitmap}; null while a drawing is shown
let stream = null; // the camera's
let module = null;

function element(id) {
  return document.getElementById(id);
}

function problem(words) {
  element("problem").textContent = words;
  element("problem").hidden = !words;
}

async function start() {
  const isMnistLike = model.channels === 1 && model.side === 28;
  element("fit").checked = isMnistLike;
  element("fitting").hidden = model.channels !== 1;
  clear();
  try {
    const code = Uint8Array.from(atob(model.code), (each) => each.charCodeAt(0));
    module = (await WebAssembly.instantiate(code)).instance.exports;
    element("bits").textContent = module.fraction_bits();
    again(); // what was drawn meanwhile
  } catch (error) {
    problem(`This browser cannot run the model (${error.message}). Open the page in one of 2023 or later.`);
  }
}

// The model on pixels: {best, logits}.
function classified(pixels) {
  new Uint8Array(module.memory.buffer, module.input(), pixels.length).set(pixels);
  const best = module.classify();
  return { best, logits: [...new Int32Array(module.memory.buffer, module.output(), model.classes.length)] };
}

function answer(pixels, told, isTimed) {
  show(pixels);
  element("told").textContent = told;
  if (module === null) return;
  const { best, logits } = classified(pixels);
  const powers = logits.map((each) => Math.exp((each - logits[best]) / 2 ** module.fraction_bits()));
  const total = powers.reduce((sum, each) => sum + each, 0);
  element("answer").textContent = model.classes[best];
  element("probability").textContent = percent(powers[best] / total);
  element("logits").textContent = JSON.stringify(logits);
  bars(powers.map((each) => each / total), best);
  if (isTimed) element("time").textContent = duration(microseconds());
}

// The mean of a call in a series, after one that warms up.
function microseconds() {
  for (let count = 4; ; count *= 2) {
    const before = performance.now();
    for (let i = 0; i < count; i++) module.classify();
    const spent = performance.now() - before;
    if (spent >= ENOUGH) return (1000 * spent) / count;
  }
}

function duration(value) {
  return value < 1000 ? `${value.toPrecision(3)} µs` : `${(value / 1000).toPrecision(3)} ms`;
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

// Of many classes the most probable ones.
function bars(shares, best) {
  let order = shares.map((_, index) => index);
  if (order.length > ROWS) order = order.sort((a, b) => shares[b] - shares[a]).slice(0, ROWS);
  element("bars").replaceChildren(...order.map((index) => bar(model.classes[index], shares[index], index === best)));
}

function bar(name, share, isBest) {
  const row = part("div", isBest ? "bar best" : "bar");
  row.setAttribute("role", "listitem");
  const track = part("div", "track");
  const filled = part("div");
  filled.style.width = `${100 * share}%`;
  track.append(filled);
  row.append(part("span", "", name), track, part("span", "", percent(share)));
  return row;
}

function part(tag, name = "", text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

function show(pixels) {
  const size = model.side * model.side;
  const data = new ImageData(model.side, model.side);
  for (let at = 0; at < size; at++) {
    for (let channel = 0; channel < 3; channel++)
      data.data[4 * at + channel] = pixels[at + (model.channels === 1 ? 0 : channel * size)];
    data.data[4 * at + 3] = 255;
  }
  element("seen").getContext("2d", { willReadFrequently: true }).putImageData(data, 0, 0);
}

// --- drawing

function clear() {
  strokes = [];
  picture = null;
  release();
  paint(pad.getContext("2d"), pad.width, strokes, colours, thickness);
  show(new Uint8Array(model.channels * model.side * model.side).fill(colours.ground === "#fff" ? 255 : 0));
  element("answer").textContent = "–";
  element("probability").textContent = "";
  element("logits").textContent = "[]";
  element("told").textContent = `${SIDES} pixels.`;
  bars(model.classes.map(() => 0), -1);
  problem("");
}

function drawn(isTimed) {
  paint(pad.getContext("2d"), pad.width, strokes, colours, thickness);
  const isFitted = model.channels === 1 && element("fit").checked;
  const size = model.side * Math.ceil(280 / model.side);
  const context = surface(size, size);
  paint(context, size, strokes, colours, thickness, isFitted ? placed(strokes, colours, thickness) : AS_DRAWN);
  const box = { left: 0, top: 0, square: size };
  const where = isFitted ? "its longer side made 20/28 of the picture and its centre of mass put in the middle" : "as drawn";
  const pixels = pixelsOf({ context, width: size, height: size, box }, model.channels, model.side);
  answer(pixels, `${colours.words}, ${where}, resized to ${SIDES}.`, isTimed);
}

function pointOf(event) {
  const area = pad.getBoundingClientRect();
  return [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height];
}

pad.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  if (picture !== null || stream !== null) clear();
  problem("");
  pad.setPointerCapture(event.pointerId);
  strokes.push([pointOf(event)]);
  drawn(false);
});
pad.addEventListener("pointermove", (event) => {
  if (!pad.hasPointerCapture(event.pointerId) || strokes.length === 0) return;
  strokes[strokes.length - 1].push(pointOf(event));
  drawn(false);
});
for (const end of ["pointerup", "pointercancel"])
  pad.addEventListener(end, () => {
    if (strokes.length > 0) drawn(true);
  });

// --- pictures

async function take(file) {
  try {
    const bitmap = await createImageBitmap(file, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
    release();
    strokes = [];
    picture = { name: file.name, bitmap };
    problem("");
  } catch {
    const what = file.size === 0 ? "is empty" : "is no image that this browser can read";
    problem(`${file.name || "What was given"} ${what}. Allowed are PNG, JPEG, WebP, GIF and BMP files; choose or save it as one of these.`);
    return;
  }
  pictured(picture.bitmap, picture.bitmap.width, picture.bitmap.height, picture.name, true);
}

function pictured(source, width, height, name, isTimed) {
  const square = squareOf(source, width, height, model.side);
  const pixels = pixelsOf(square, model.channels, model.side);
  const isInverted = element("invert").checked;
  if (isInverted) for (let at = 0; at < pixels.length; at++) pixels[at] = 255 - pixels[at];
  const { left, top, square: side } = square.box;
  pad.getContext("2d").drawImage(square.context.canvas, left, top, side, side, 0, 0, pad.width, pad.height);
  const done = [`${name}, ${width} × ${height} pixels`];
  if (width !== height) done.push(`its middle ${Math.min(width, height)} × ${Math.min(width, height)} cut out`);
  if (square.isReduced) done.push(`reduced to ${LARGEST} first`);
  done.push(model.channels === 1 ? "grey" : "RGB", `resized to ${SIDES}`);
  done.push(isInverted ? "light and dark inverted" : "not inverted");
  answer(pixels, `${done.join(", ")}.${isInverted ? "" : hint(pixels)}`, isTimed);
}

// A digit in black on white paper is nothing that a model of white on black has seen.
function hint(pixels) {
  if (model.channels !== 1) return "";
  const last = model.side - 1;
  let total = 0;
  for (let i = 0; i < last; i++)
    for (const at of [i, i * model.side + last, last * model.side + i + 1, (i + 1) * model.side]) total += pixels[at];
  const isBright = total / (4 * last) > 127;
  if (isBright === (colours.ground === "#fff")) return "";
  const grounds = isBright ? ["light", "dark"] : ["dark", "light"];
  return ` Its ground is ${grounds[0]}; the model learned from pictures on a ${grounds[1]} one: try to invert it.`;
}

function again() {
  if (picture !== null) pictured(picture.bitmap, picture.bitmap.width, picture.bitmap.height, picture.name, true);
  else if (strokes.length > 0) drawn(true);
}

element("clear").addEventListener("click", clear);
element("fit").addEventListener("change", again);
element("invert").addEventListener("change", again);
element("file").addEventListener("change", (event) => {
  if (event.target.files.length > 0) take(event.target.files[0]);
  event.target.value = "";
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (event.dataTransfer.files.length > 0) take(event.dataTransfer.files[0]);
  else problem("What was dropped is no file. Save the picture, and drop the file.");
});

// --- camera

async function watch() {
  if (!navigator.mediaDevices) {
    problem("The camera is closed to this page: browsers open it only to pages from 127.0.0.1 or https. Use `compression demo` without --output.");
    return;
  }
  try {
    const opened = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    clear();
    stream = opened;
  } catch (error) {
    problem(`The camera did not open (${error.message || error.name}). Plug one in, allow it in the browser's settings, or open an image.`);
    return;
  }
  element("camera").textContent = "Stop the camera";
  element("camera").setAttribute("aria-pressed", "true");
  element("video").srcObject = stream;
  await element("video").play();
  look(0);
}

// A dozen frames a second; the time of a call every 2 s.
function look(count) {
  const video = element("video");
  if (stream === null) return;
  if (video.videoWidth > 0) pictured(video, video.videoWidth, video.videoHeight, "The camera", count % 24 === 1);
  setTimeout(() => look(count + 1), 80);
}

function release() {
  if (stream !== null) for (const track of stream.getTracks()) track.stop();
  stream = null;
  element("video").srcObject = null;
  element("camera").textContent = "Camera";
  element("camera").setAttribute("aria-pressed", "false");
}

element("camera").addEventListener("click", () => (stream === null ? watch() : clear()));
start();
