// Mouse, touch and keyboard input on the map.
const pointers = new Map();
let dragDistance = 0,
  pinch = null;

const canvasPosition = (event) => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, canvasPosition(event));
  finishMotion();
  spin(false);
  hover(-1);
  pinch = null;
  if (pointers.size > 1) state.circle = [];
  else {
    dragDistance = 0;
    if (state.tool === "lasso" && event.button === 0) state.circle = [canvasPosition(event)];
  }
});

canvas.addEventListener("pointermove", (event) => {
  const position = canvasPosition(event),
    previous = pointers.get(event.pointerId);
  if (!previous) return event.pointerType === "mouse" ? hover(indexAt(...position), position) : undefined;
  const dx = position[0] - previous[0],
    dy = position[1] - previous[1];
  pointers.set(event.pointerId, position);
  dragDistance += Math.hypot(dx, dy);
  if (pointers.size === 2) return pinchZoom(dx / 2, dy / 2);
  if (pointers.size > 2) return undefined;
  if (state.circle.length) {
    state.circle.push(position);
    return redraw();
  }
  canvas.classList.add("dragging");
  if (state.layout.shape === "3d" && !event.shiftKey && event.buttons !== 2) return rotate(dx / 200, dy / 200);
  return pan(dx, dy);
});

function pinchZoom(dx, dy) {
  const [[ax, ay], [bx, by]] = pointers.values(),
    distance = Math.hypot(ax - bx, ay - by);
  if (pinch) zoom(distance / pinch, (ax + bx) / 2, (ay + by) / 2);
  pinch = distance;
  pan(dx, dy);
}

function pointerUp(event) {
  if (!pointers.delete(event.pointerId)) return;
  canvas.classList.remove("dragging");
  pinch = null;
  const circle = state.circle;
  state.circle = [];
  if (event.type === "pointercancel") return redraw();
  if (circle.length > 3 && dragDistance > 12) takeRegion(indicesInside(circle), event.shiftKey);
  else if (dragDistance < 5 && event.button === 0 && !pointers.size) select(indexAt(...canvasPosition(event)));
  redraw();
}
canvas.addEventListener("pointerup", pointerUp);
canvas.addEventListener("pointercancel", pointerUp);
canvas.addEventListener("pointerleave", () => hover(-1));
canvas.addEventListener("contextmenu", (event) => event.preventDefault());
canvas.addEventListener("dblclick", (event) => zoom(2, ...canvasPosition(event)));
canvas.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    finishMotion();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...canvasPosition(event));
  },
  { passive: false },
);

// Finish an animation position once, because points must not stop between two layouts.
function finishMotion() {
  if (motion) motion(Infinity);
  motion = null;
}

const KEYS = {
  ArrowLeft: () => moveByKey(60, 0),
  ArrowRight: () => moveByKey(-60, 0),
  ArrowUp: () => moveByKey(0, 60),
  ArrowDown: () => moveByKey(0, -60),
  "+": () => zoom(1.3),
  "=": () => zoom(1.3),
  "-": () => zoom(1 / 1.3),
  0: () => animateTo(overview()),
  m: () => useTool("move"),
  l: () => useTool("lasso"),
  t: () => spin(!state.spinning),
  Enter: () => select(indexInMiddle()),
  Escape: () => {
    state.circle = [];
    takeRegion([]);
    select(-1);
  },
};
const moveByKey = (dx, dy) => (state.layout.shape === "3d" ? rotate(dx / 200, dy / 200) : pan(dx, dy));
canvas.addEventListener("keydown", (event) => {
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  finishMotion();
  action();
});

function useTool(tool) {
  state.tool = tool;
  for (const name of ["move", "lasso"]) $(name).setAttribute("aria-pressed", String(name === tool));
  canvas.classList.toggle("circling", tool === "lasso");
}

function spin(on) {
  state.spinning = on && inSpace();
  $("spin").setAttribute("aria-pressed", String(state.spinning));
  redraw();
}
