// The camera. It serves every shape: the flat map is viewed head-on without perspective.
const DISTANCE = 4; // from the eye to the centre of the view, in map units
// scale: pixels per unit; depth: 0 flat, 1 with perspective
const camera = { x: 0, y: 0, z: 0, yaw: 0, pitch: 0, scale: 1, depth: 0 };
const screen = { width: 1, height: 1, fitScale: 1 }; // in CSS pixels; fitScale: the scale that fits the map into the canvas
const current = new Float32Array(3 * TOTAL); // current positions, which differ from the layout's during an animation
const px = new Float32Array(TOTAL),
  py = new Float32Array(TOTAL),
  pz = new Float32Array(TOTAL),
  ps = new Float32Array(TOTAL);
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const inSpace = () => state.layout.shape !== "2d";
let motion = null;

// Fill px, py (pixels), pz (towards the eye) and ps (pixels per unit at that depth).
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
      depth = sp * y + cp * back;
    const scale = camera.scale * (1 - camera.depth + (camera.depth * DISTANCE) / Math.max(0.5, DISTANCE - depth));
    px[i] = screen.width / 2 + right * scale;
    py[i] = screen.height / 2 - up * scale;
    pz[i] = depth;
    ps[i] = scale;
  }
}

// Move the view by pixels; the sphere rotates instead, because it is viewed from outside.
function pan(dx, dy) {
  if (state.layout.shape === "sphere") return rotate(dx / camera.scale, dy / camera.scale);
  const cy = Math.cos(camera.yaw),
    sy = Math.sin(camera.yaw),
    cp = Math.cos(camera.pitch),
    sp = Math.sin(camera.pitch);
  const right = -dx / camera.scale,
    up = dy / camera.scale;
  camera.x += right * cy + up * sp * sy;
  camera.y += up * cp;
  camera.z += right * sy - up * sp * cy;
  const distance = Math.hypot(camera.x, camera.y, camera.z);
  if (distance > 1.2) for (const axis of ["x", "y", "z"]) camera[axis] *= 1.2 / distance; // the map stays in view
  redraw();
}

function rotate(right, down) {
  camera.yaw -= right;
  camera.pitch = Math.max(-1.55, Math.min(1.55, camera.pitch + down));
  redraw();
}

// Zoom in by a factor; on the flat map the point under (x, y) stays in place.
function zoom(factor, x = screen.width / 2, y = screen.height / 2) {
  motion = null;
  const previous = camera.scale;
  camera.scale = Math.max(screen.fitScale * 0.6, Math.min(screen.fitScale * 400, previous * factor));
  if (!inSpace()) {
    const shift = 1 / previous - 1 / camera.scale;
    camera.x += (x - screen.width / 2) * shift;
    camera.y -= (y - screen.height / 2) * shift;
  }
  redraw();
}

// Animate the camera to a goal and the points to the positions of the layout.
function animateTo(goal, milliseconds = 650) {
  const start = { ...camera },
    from = current.slice(),
    to = state.layout.points,
    startTime = performance.now();
  const rotations = Math.round(((goal.yaw ?? camera.yaw) - start.yaw) / (2 * Math.PI));
  if ("yaw" in goal) goal.yaw -= rotations * 2 * Math.PI; // rotate by less than half a circle
  motion = (now) => {
    const fraction = reducedMotion.matches ? 1 : Math.min(1, (now - startTime) / milliseconds),
      eased = fraction * fraction * (3 - 2 * fraction);
    for (const key in goal) {
      camera[key] =
        key === "scale"
          ? start.scale * (goal.scale / start.scale) ** eased
          : start[key] + (goal[key] - start[key]) * eased;
    }
    for (let i = 0; i < current.length; i++) current[i] = from[i] + (to[i] - from[i]) * eased;
    if (fraction === 1) motion = null;
  };
  redraw();
}

const overview = () =>
  inSpace()
    ? { x: 0, y: 0, z: 0, depth: 1, scale: screen.fitScale }
    : { x: 0, y: 0, z: 0, yaw: 0, pitch: 0, depth: 0, scale: screen.fitScale };

// Move the camera to face i.
function centreOn(i) {
  const [x, y, z] = state.layout.points.subarray(3 * i, 3 * i + 3);
  if (state.layout.shape === "sphere")
    animateTo({
      yaw: Math.atan2(-x, z),
      pitch: Math.asin(Math.max(-1, Math.min(1, y))),
      scale: Math.max(camera.scale, screen.fitScale * 1.6),
    });
  else animateTo({ x, y, z, scale: Math.max(camera.scale, screen.fitScale * 5) });
}
