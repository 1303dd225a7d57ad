// Strokes as a pen leaves them, painted in any size; and MNIST's own way to place a digit.

const THICKNESS = 0.08; // of a stroke, as a share of the side: MNIST's are 2 to 3 of 28 pixels
const BOX = 20 / 28; // of the side, which MNIST's digits fill

const AS_DRAWN = { scale: 1, x: 0, y: 0 };

// Black and white as the model knows them: bright on a dark ground where the mean of its data is dark.
function inkOf(model) {
  const mean = model.mean.reduce((sum, each) => sum + each, 0) / model.mean.length;
  return mean < 0.5 ? { ground: "#000", ink: "#fff", words: "White on black" } : { ground: "#fff", ink: "#000", words: "Black on white" };
}

function paint(context, size, strokes, colours, thickness, place = AS_DRAWN) {
  context.fillStyle = colours.ground;
  context.fillRect(0, 0, size, size);
  context.strokeStyle = colours.ink;
  context.lineWidth = thickness * size;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    const points = stroke.map(([x, y]) => [size * (x * place.scale + place.x), size * (y * place.scale + place.y)]);
    context.beginPath();
    context.moveTo(points[0][0], points[0][1]);
    if (points.length === 1) context.lineTo(points[0][0] + 0.01, points[0][1]);
    for (const [x, y] of points.slice(1)) context.lineTo(x, y);
    context.stroke();
  }
}

// Where strokes go so that they fill MNIST's box and their centre of mass is in the middle (LeCun et al. 1998).
function placed(strokes, colours, thickness) {
  const points = strokes.flat();
  const low = [0, 1].map((axis) => Math.min(...points.map((point) => point[axis])));
  const high = [0, 1].map((axis) => Math.max(...points.map((point) => point[axis])));
  const extent = Math.max(high[0] - low[0], high[1] - low[1]);
  const scale = extent < 0.02 ? 1 : (BOX - thickness) / extent;
  const boxed = { scale, x: 0.5 - (scale * (low[0] + high[0])) / 2, y: 0.5 - (scale * (low[1] + high[1])) / 2 };
  const mass = massOf(strokes, colours, thickness, boxed);
  return { scale, x: boxed.x + 0.5 - mass[0], y: boxed.y + 0.5 - mass[1] };
}

function massOf(strokes, colours, thickness, place) {
  const size = 112;
  const context = surface(size, size);
  paint(context, size, strokes, colours, thickness, place);
  const data = context.getImageData(0, 0, size, size).data;
  const ground = colours.ground === "#fff" ? 255 : 0;
  let total = 0;
  let x = 0;
  let y = 0;
  for (let at = 0; at < size * size; at++) {
    const ink = Math.abs(data[4 * at] - ground);
    total += ink;
    x += ink * ((at % size) + 0.5);
    y += ink * (Math.floor(at / size) + 0.5);
  }
  return [x / total / size, y / total / size];
}
