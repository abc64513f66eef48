// Where we look from. One camera serves every shape: the flat map is seen straight on and without perspective.
const DISTANCE = 4; // of the eye from what it looks at, in the map's units
// scale: pixels a unit; depth: 0 flat, 1 in perspective
const camera = { x: 0, y: 0, z: 0, yaw: 0, pitch: 0, scale: 1, depth: 0 };
const screen = { width: 1, height: 1, whole: 1 }; // in CSS pixels; whole: the scale at which all is seen
const current = new Float32Array(3 * TOTAL); // positions as they are this moment, while one layout turns into another
const px = new Float32Array(TOTAL),
  py = new Float32Array(TOTAL),
  pz = new Float32Array(TOTAL),
  ps = new Float32Array(TOTAL);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const inSpace = () => state.layout.shape !== "2d";
let motion = null;

// Fill px, py (pixels), pz (towards the eye) and ps (pixels a unit there).
function project() {
  const cy = Math.cos(camera.yaw),
    sy = Math.sin(camera.yaw),
    cp = Math.cos(camera.pitch),
    sp = Math.sin(camera.pitch);
  for (let i = 0; i < TOTAL; i++) {
    const x = current[3 * i] - camera.x,
      y = current[3 * i + 1] - camera.y,
      z = current[3 * i + 2] - camera.z;
    const right = cy * x + sy * z,
      back = cy * z - sy * x,
      up = cp * y - sp * back,
      near = sp * y + cp * back;
    const scale = camera.scale * (1 - camera.depth + (camera.depth * DISTANCE) / Math.max(0.5, DISTANCE - near));
    px[i] = screen.width / 2 + right * scale;
    py[i] = screen.height / 2 - up * scale;
    pz[i] = near;
    ps[i] = scale;
  }
}

// Move along the screen by pixels; the sphere turns instead, because it is looked at from outside.
function slide(dx, dy) {
  if (state.layout.shape === "sphere") return turn(dx / camera.scale, dy / camera.scale);
  const cy = Math.cos(camera.yaw),
    sy = Math.sin(camera.yaw),
    cp = Math.cos(camera.pitch),
    sp = Math.sin(camera.pitch);
  const right = -dx / camera.scale,
    up = dy / camera.scale;
  camera.x += right * cy + up * sp * sy;
  camera.y += up * cp;
  camera.z += right * sy - up * sp * cy;
  const away = Math.hypot(camera.x, camera.y, camera.z);
  if (away > 1.2) for (const axis of ["x", "y", "z"]) camera[axis] *= 1.2 / away; // nobody gets lost
  redraw();
}

function turn(right, down) {
  camera.yaw -= right;
  camera.pitch = Math.max(-1.55, Math.min(1.55, camera.pitch + down));
  redraw();
}

// Closer by a factor; on the flat map the place under (x, y) stays where it is.
function zoom(factor, x = screen.width / 2, y = screen.height / 2) {
  motion = null;
  const before = camera.scale;
  camera.scale = Math.max(screen.whole * 0.6, Math.min(screen.whole * 400, before * factor));
  if (!inSpace()) {
    const kept = 1 / before - 1 / camera.scale;
    camera.x += (x - screen.width / 2) * kept;
    camera.y -= (y - screen.height / 2) * kept;
  }
  redraw();
}

// Go over to another place of the camera, and to the positions of the layout.
function glide(goal, milliseconds = 650) {
  const start = { ...camera },
    from = current.slice(),
    to = state.layout.points,
    began = performance.now();
  const turns = Math.round(((goal.yaw ?? camera.yaw) - start.yaw) / (2 * Math.PI));
  if ("yaw" in goal) goal.yaw -= turns * 2 * Math.PI; // the short way round
  motion = (now) => {
    const part = calm.matches ? 1 : Math.min(1, (now - began) / milliseconds),
      eased = part * part * (3 - 2 * part);
    for (const key in goal) {
      camera[key] =
        key === "scale"
          ? start.scale * (goal.scale / start.scale) ** eased
          : start[key] + (goal[key] - start[key]) * eased;
    }
    for (let i = 0; i < current.length; i++) current[i] = from[i] + (to[i] - from[i]) * eased;
    if (part === 1) motion = null;
  };
  redraw();
}

const home = () =>
  inSpace()
    ? { x: 0, y: 0, z: 0, depth: 1, scale: screen.whole }
    : { x: 0, y: 0, z: 0, yaw: 0, pitch: 0, depth: 0, scale: screen.whole };

// Bring face i into the middle.
function visit(i) {
  const [x, y, z] = state.layout.points.subarray(3 * i, 3 * i + 3);
  if (state.layout.shape === "sphere")
    glide({
      yaw: Math.atan2(-x, z),
      pitch: Math.asin(Math.max(-1, Math.min(1, y))),
      scale: Math.max(camera.scale, screen.whole * 1.6),
    });
  else glide({ x, y, z, scale: Math.max(camera.scale, screen.whole * 5) });
}
