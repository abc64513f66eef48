// The map itself. Faces stand where each has room, evenly over the map; all others are dots, until one comes closer.
const canvas = $("map"),
  brush = canvas.getContext("2d");
const isFace = new Uint8Array(TOTAL),
  inView = new Uint8Array(TOTAL);
const ROOM = { "2d": 1.06, "3d": 1.9, sphere: 1.25 }; // of a face over its size: in space they would hide each other
const DIMMED = 0.3; // how much of a dot outside of the region is seen
const drawn = []; // the faces of the last picture from the lowest to the topmost: which, and half of width and height
let waiting = false,
  colours = {},
  dotted = null,
  counted = 0;

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame((now) => {
    waiting = false;
    if (motion) motion(now);
    draw();
    if (motion) redraw();
    else if (state.spinning) {
      camera.yaw -= 0.004;
      redraw();
    }
  });
}

const faceSize = () => Math.min(thumbs.height * 2, 38 * Math.max(1, (camera.scale / screen.whole) ** 0.18));

// Which points are seen, and which of them as faces: those with their room to all that come before them. While there is
// a region, only its faces are shown.
function choose(size) {
  const { gaps, shape } = state.layout,
    room = size * ROOM[shape],
    edge = shape === "sphere" ? 0.12 : -Infinity,
    all = !state.region.length;
  for (let i = 0; i < TOTAL; i++) {
    const seen =
      pz[i] > edge && px[i] > -size && py[i] > -size && px[i] < screen.width + size && py[i] < screen.height + size;
    inView[i] = seen ? 1 : 0;
    isFace[i] = seen && (i >= COUNT || ((all || state.inRegion[i]) && gaps[i] * ps[i] >= room)) ? 1 : 0;
  }
}

function draw() {
  const ratio = canvas.width / screen.width,
    size = faceSize(),
    faces = [];
  drawn.length = 0;
  project();
  choose(size);
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  dots(ratio);
  if (state.layout.shape === "sphere" && !motion) globe();
  for (let i = 0; i < COUNT; i++) if (isFace[i]) faces.push(i);
  if (inSpace()) faces.sort((a, b) => pz[a] - pz[b]);
  for (const i of faces) face(i, size, fog(i));
  ties(size);
  for (let i = COUNT; i < TOTAL; i++) if (inView[i]) photo(i, size);
  if (state.circle.length > 1) loop();
  brush.globalAlpha = 1;
  clearTimeout(counted); // said once the map stands still: a screen reader reads it out
  counted = setTimeout(() => {
    const seen = onScreen().length;
    $("status").textContent =
      `${number(seen)} of ${number(TOTAL)} in view, ${number(faces.length + TOTAL - COUNT)} as faces`;
  }, 120);
}

// Points whose middle is within the canvas.
const onScreen = () =>
  [...inView.keys()].filter(
    (i) => inView[i] && px[i] >= 0 && px[i] <= screen.width && py[i] >= 0 && py[i] <= screen.height,
  );

function globe() {
  const radius = (camera.scale * DISTANCE) / Math.sqrt(DISTANCE * DISTANCE - 1);
  brush.globalAlpha = 0.5;
  brush.strokeStyle = colours.line;
  brush.beginPath();
  brush.arc(screen.width / 2, screen.height / 2, radius, 0, 7);
  brush.stroke();
}

// Dots go straight into the pixels, which is many times faster than ten thousand calls. They come in the order of the
// dataset, so that no colour hides another more than it is hidden.
function dots(ratio) {
  const { width, height } = canvas;
  if (dotted?.width !== width || dotted.height !== height) dotted = new ImageData(width, height);
  const pixels = new Uint32Array(dotted.data.buffer).fill(0),
    chosen = state.region.length > 0;
  const side = Math.round(ratio * Math.min(6, 2.6 * Math.max(1, (camera.scale / screen.whole) ** 0.35))),
    round = side > 4;
  for (let i = 0; i < COUNT; i++) {
    if (!inView[i] || isFace[i]) continue;
    const left = Math.round(px[i] * ratio - side / 2),
      top = Math.round(py[i] * ratio - side / 2);
    if (left < 0 || top < 0 || left + side > width || top + side > height) continue;
    const alpha = 230 * (chosen && !state.inRegion[i] ? DIMMED : 1) * (inSpace() ? near(i) : 1);
    const colour = (colours.dots[colourOf[i]] | (alpha << 24)) >>> 0;
    for (let y = 0; y < side; y++) {
      const cut = round && (y === 0 || y === side - 1) ? 1 : 0;
      pixels.fill(colour, (top + y) * width + left + cut, (top + y) * width + left + side - cut);
    }
  }
  brush.putImageData(dotted, 0, 0);
}

// How near a point in space is, 0.25 to 1, and how much of the sky lies between it and the eye.
const near = (i) => 0.25 + 0.75 * Math.max(0, Math.min(1, (pz[i] + 1) / 2));
const fog = (i) => (state.layout.shape === "3d" ? 0.8 * (1 - near(i)) : 0);

function face(i, size, veil) {
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
  drawn.push([i, width / 2, height / 2]);
  if (!veil) return;
  brush.globalAlpha = veil;
  brush.fillStyle = colours.sky;
  brush.fillRect(x - 2, y - 2, width + 4, height + 4);
}

function framed(i, size, colour, line) {
  face(i, size, 0);
  const height = size * (inSpace() ? ps[i] / camera.scale : 1),
    width = (height * thumbs.width) / thumbs.height;
  brush.globalAlpha = 1;
  brush.lineWidth = line;
  brush.strokeStyle = colour;
  brush.strokeRect(px[i] - width / 2 - line / 2, py[i] - height / 2 - line / 2, width + line, height + line);
}

// The chosen face and the lines to its neighbours.
function ties(size) {
  const i = state.selected;
  if (i < 0) return;
  const near = nearOf(state.near, i);
  brush.globalAlpha = 0.75;
  brush.strokeStyle = colours.accent;
  brush.lineWidth = 1.5;
  brush.beginPath();
  for (const j of near) {
    brush.moveTo(px[i], py[i]);
    brush.lineTo(px[j], py[j]);
  }
  brush.stroke();
  for (const j of near.reverse()) framed(j, size * 0.85, colours.accent, 2);
  framed(i, size * 1.35, colours.accent, 4);
}

function photo(i, size) {
  framed(i, size * 1.2, colours.photo, 4);
  const name = DATA.files[i].split("/").pop();
  brush.font = "600 13px system-ui, sans-serif";
  const width = brush.measureText(name).width,
    y = py[i] + size * 0.6 + 22;
  brush.fillStyle = colours.photo;
  brush.fillRect(px[i] - width / 2 - 6, y - 14, width + 12, 19);
  brush.fillStyle = colours.sky;
  brush.fillText(name, px[i] - width / 2, y);
}

function loop() {
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
