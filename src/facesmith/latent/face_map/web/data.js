// The data of the page: COUNT faces of the dataset, followed by the photos placed among them, and in the studio by one
// face (PLACED) that it can place at any time.
const DATA = JSON.parse(document.getElementById("data").textContent);
const isEmbedded = window.parent !== window; // a frame of the studio
if (isEmbedded) DATA.files.push("");
const COUNT = DATA.count,
  TOTAL = DATA.files.length,
  PLACED = isEmbedded ? TOTAL - 1 : -1;
const NEIGHBOURS = 12; // neighbours of each face
const $ = (id) => document.getElementById(id);

function bytes(text) {
  const raw = atob(text),
    out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out.buffer;
}

const SPACES = { latents: "latent space", features: "classifier features" };
const SHAPES = { "2d": "2D", "3d": "3D", sphere: "Sphere" };

// points: x, y, z of each point; z is 0 on the flat map, and y points up.
const layouts = DATA.layouts.map(({ space, method, shape, points, gaps }) => {
  const packed = new Int16Array(bytes(points)),
    dimensions = shape === "2d" ? 2 : 3,
    unpacked = new Float32Array(3 * TOTAL);
  for (let i = 0; i < TOTAL && i !== PLACED; i++) for (let d = 0; d < dimensions; d++) unpacked[3 * i + d] = packed[dimensions * i + d] / 32767;
  return { space, method, shape, points: unpacked, gaps: new Float32Array(bytes(gaps)) };
});

const neighbours = Object.fromEntries(
  Object.entries(DATA.neighbours).map(([space, text]) => [space, new Uint32Array(bytes(text))]),
);
const neighboursOf = (space, i) =>
  i === PLACED
    ? [...(state.placed?.neighbours ?? [])]
    : Array.from(neighbours[space].subarray(NEIGHBOURS * i, NEIGHBOURS * (i + 1)));

// Attributes of the dataset and labels of the user, an Int8Array each: 1 present, 0 absent, -1 unknown.
const attributes = new Map();
{
  const all = new Int8Array(bytes(DATA.labels));
  DATA.attributes.forEach((name, a) => {
    const values = new Int8Array(TOTAL).fill(-1);
    values.set(all.subarray(a * COUNT, (a + 1) * COUNT));
    attributes.set(name, values);
  });
}
const labels = new Map();

const thumbs = DATA.thumbnails,
  perAtlas = thumbs.columns * thumbs.rows,
  atlases = [];
thumbs.atlases.forEach((source, a) => {
  const image = new Image();
  image.src = source;
  image
    .decode()
    .then(() => createImageBitmap(image))
    .then((bitmap) => {
      atlases[a] = bitmap;
      redraw();
      redrawThumbnails();
    });
});

// Draw face i into a rectangle of a canvas.
function drawFace(context, i, x, y, width, height) {
  if (i === PLACED) return void (state.placed?.picture && context.drawImage(state.placed.picture, x, y, width, height));
  const atlas = atlases[Math.floor(i / perAtlas)],
    index = i % perAtlas;
  if (!atlas) return;
  const columns = Math.min(thumbs.columns, Math.round(atlas.width / thumbs.width));
  context.drawImage(
    atlas,
    (index % columns) * thumbs.width,
    Math.floor(index / columns) * thumbs.height,
    thumbs.width,
    thumbs.height,
    x,
    y,
    width,
    height,
  );
}

// Draw face i into the centre of a canvas, as large as fits.
function drawPortrait(canvas, i) {
  const context = canvas.getContext("2d"),
    scale = Math.min(canvas.width / thumbs.width, canvas.height / thumbs.height);
  const width = thumbs.width * scale,
    height = thumbs.height * scale;
  context.imageSmoothingQuality = "high";
  context.clearRect(0, 0, canvas.width, canvas.height);
  drawFace(context, i, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}

const state = {
  layout: layouts[0],
  tool: "move",
  selected: -1,
  hovered: -1,
  neighbourSpace: layouts[0].space,
  inRegion: new Uint8Array(TOTAL),
  region: [],
  circle: [],
  placed: null, // {name, picture, neighbours, places}: the face that the studio has placed
};
// The points, without an unused PLACED.
const total = () => TOTAL - (isEmbedded && !state.placed ? 1 : 0);
const number = (value) => value.toLocaleString("en");
const plain = (name) => name.replaceAll("_", " ");
