// The map. Faces are drawn where there is space, spread evenly over the map; all others are dots until one zooms in.
const canvas = $("map"),
  brush = canvas.getContext("2d");
const isFace = new Uint8Array(TOTAL),
  inView = new Uint8Array(TOTAL);
const SPACING = { "2d": 1.06, "3d": 1.9, sphere: 1.25 }; // per face, as a multiple of its size; larger in 3D, where faces overlap
const DIMMED = 0.3; // opacity of the dots outside the region
const drawnFaces = []; // [index, half width, half height] of the faces of the last frame, from back to front
let framePending = false,
  colours = {},
  dotImage = null,
  statusTimer = 0;

function redraw() {
  if (framePending) return;
  framePending = true;
  requestAnimationFrame((now) => {
    framePending = false;
    if (motion) motion(now);
    draw();
    if (motion) redraw();
    else if (state.spinning) {
      camera.yaw -= 0.004;
      redraw();
    }
  });
}

const faceSize = () => Math.min(thumbs.height * 2, 38 * Math.max(1, (camera.scale / screen.fitScale) ** 0.18));

// Decide which points are visible, and which of these are drawn as faces: those with enough distance from all preceding
// points. If there is a region, only its faces are drawn.
function updateVisibility(size) {
  const { gaps, shape } = state.layout,
    spacing = size * SPACING[shape],
    edge = shape === "sphere" ? 0.12 : -Infinity,
    all = !state.region.length;
  for (let i = 0; i < TOTAL; i++) {
    const visible =
      (i !== PLACED || nameOf(state.layout) in (state.placed?.places ?? {})) &&
      pz[i] > edge && px[i] > -size && py[i] > -size && px[i] < screen.width + size && py[i] < screen.height + size;
    inView[i] = visible ? 1 : 0;
    isFace[i] = visible && (i >= COUNT || ((all || state.inRegion[i]) && gaps[i] * ps[i] >= spacing)) ? 1 : 0;
  }
}

function draw() {
  const ratio = canvas.width / screen.width,
    size = faceSize(),
    faces = [];
  drawnFaces.length = 0;
  project();
  updateVisibility(size);
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawDots(ratio);
  if (state.layout.shape === "sphere" && !motion) drawGlobe();
  for (let i = 0; i < COUNT; i++) if (isFace[i]) faces.push(i);
  if (inSpace()) faces.sort((a, b) => pz[a] - pz[b]);
  for (const i of faces) drawSizedFace(i, size, fog(i));
  drawNeighbourLines(size);
  for (let i = COUNT; i < TOTAL; i++) if (inView[i]) drawPhoto(i, size);
  if (state.circle.length > 1) drawLasso();
  brush.globalAlpha = 1;
  clearTimeout(statusTimer); // updated only when the map is still, because a screen reader reads it aloud
  statusTimer = setTimeout(() => {
    const visible = visibleIndices().length;
    $("status").textContent =
      `${number(visible)} of ${number(total())} in view, ${number(faces.length + total() - COUNT)} as faces`;
  }, 120);
}

// Indices of the points whose centre is on the canvas.
const visibleIndices = () =>
  [...inView.keys()].filter(
    (i) => inView[i] && px[i] >= 0 && px[i] <= screen.width && py[i] >= 0 && py[i] <= screen.height,
  );

function drawGlobe() {
  const radius = (camera.scale * DISTANCE) / Math.sqrt(DISTANCE * DISTANCE - 1);
  brush.globalAlpha = 0.5;
  brush.strokeStyle = colours.line;
  brush.beginPath();
  brush.arc(screen.width / 2, screen.height / 2, radius, 0, 7);
  brush.stroke();
}

// Dots are written into the pixels, which is many times faster than ten thousand draw calls. They are drawn in the
// order of the dataset, so that no colour systematically hides another.
function drawDots(ratio) {
  const { width, height } = canvas;
  if (dotImage?.width !== width || dotImage.height !== height) dotImage = new ImageData(width, height);
  const pixels = new Uint32Array(dotImage.data.buffer).fill(0),
    hasRegion = state.region.length > 0;
  const side = Math.round(ratio * Math.min(6, 2.6 * Math.max(1, (camera.scale / screen.fitScale) ** 0.35))),
    round = side > 4;
  for (let i = 0; i < COUNT; i++) {
    if (!inView[i] || isFace[i]) continue;
    const left = Math.round(px[i] * ratio - side / 2),
      top = Math.round(py[i] * ratio - side / 2);
    if (left < 0 || top < 0 || left + side > width || top + side > height) continue;
    const alpha = 230 * (hasRegion && !state.inRegion[i] ? DIMMED : 1) * (inSpace() ? nearness(i) : 1);
    const colour = (colours.dots[colourOf[i]] | (alpha << 24)) >>> 0;
    for (let y = 0; y < side; y++) {
      const inset = round && (y === 0 || y === side - 1) ? 1 : 0;
      pixels.fill(colour, (top + y) * width + left + inset, (top + y) * width + left + side - inset);
    }
  }
  brush.putImageData(dotImage, 0, 0);
}

// Nearness of a point in 3D, 0.25 to 1, and the opacity of the fog in front of it.
const nearness = (i) => 0.25 + 0.75 * Math.max(0, Math.min(1, (pz[i] + 1) / 2));
const fog = (i) => (state.layout.shape === "3d" ? 0.8 * (1 - nearness(i)) : 0);

function drawSizedFace(i, size, veil) {
  const height = size * (inSpace() ? ps[i] / camera.scale : 1),
    width = (height * thumbs.width) / thumbs.height;
  const x = px[i] - width / 2,
    y = py[i] - height / 2;
  brush.globalAlpha = 1;
  if (colouring()) {
    brush.fillStyle = colours.kinds[colourOf[i]];
    brush.fillRect(x - 2, y - 2, width + 4, height + 4);
  }
  drawFace(brush, i, x, y, width, height);
  drawnFaces.push([i, width / 2, height / 2]);
  if (!veil) return;
  brush.globalAlpha = veil;
  brush.fillStyle = colours.sky;
  brush.fillRect(x - 2, y - 2, width + 4, height + 4);
}

function drawFramed(i, size, colour, line) {
  drawSizedFace(i, size, 0);
  const height = size * (inSpace() ? ps[i] / camera.scale : 1),
    width = (height * thumbs.width) / thumbs.height;
  brush.globalAlpha = 1;
  brush.lineWidth = line;
  brush.strokeStyle = colour;
  brush.strokeRect(px[i] - width / 2 - line / 2, py[i] - height / 2 - line / 2, width + line, height + line);
}

// Draw the selected face and the lines to its neighbours.
function drawNeighbourLines(size) {
  const i = state.selected;
  if (i < 0) return;
  const neighbourIndices = neighboursOf(state.neighbourSpace, i);
  brush.globalAlpha = 0.75;
  brush.strokeStyle = colours.accent;
  brush.lineWidth = 1.5;
  brush.beginPath();
  for (const j of neighbourIndices) {
    brush.moveTo(px[i], py[i]);
    brush.lineTo(px[j], py[j]);
  }
  brush.stroke();
  for (const j of neighbourIndices.reverse()) drawFramed(j, size * 0.85, colours.accent, 2);
  drawFramed(i, size * 1.35, colours.accent, 4);
}

function drawPhoto(i, size) {
  drawFramed(i, size * 1.2, colours.photo, 4);
  const name = DATA.files[i].split("/").pop();
  brush.font = "600 13px system-ui, sans-serif";
  const width = brush.measureText(name).width,
    y = py[i] + size * 0.6 + 22;
  brush.fillStyle = colours.photo;
  brush.fillRect(px[i] - width / 2 - 6, y - 14, width + 12, 19);
  brush.fillStyle = colours.sky;
  brush.fillText(name, px[i] - width / 2, y);
}

function drawLasso() {
  brush.globalAlpha = 1;
  brush.beginPath();
  for (const [x, y] of state.circle) brush.lineTo(x, y);
  brush.closePath();
  brush.lineWidth = 2;
  brush.strokeStyle = colours.accent;
  brush.setLineDash([6, 4]);
  brush.stroke();
  brush.setLineDash([]);
  brush.globalAlpha = 0.12;
  brush.fillStyle = colours.accent;
  brush.fill();
}
