// Mouse, fingers and keys on the map.
const fingers = new Map();
let travelled = 0,
  pinch = null;

const place = (event) => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, place(event));
  settle();
  spin(false);
  hover(-1);
  pinch = null;
  if (fingers.size > 1) state.circle = [];
  else {
    travelled = 0;
    if (state.tool === "lasso" && event.button === 0) state.circle = [place(event)];
  }
});

canvas.addEventListener("pointermove", (event) => {
  const at = place(event),
    was = fingers.get(event.pointerId);
  if (!was) return event.pointerType === "mouse" ? hover(pick(...at), at) : undefined;
  const dx = at[0] - was[0],
    dy = at[1] - was[1];
  fingers.set(event.pointerId, at);
  travelled += Math.hypot(dx, dy);
  if (fingers.size === 2) return pinching(dx / 2, dy / 2);
  if (fingers.size > 2) return undefined;
  if (state.circle.length) {
    state.circle.push(at);
    return redraw();
  }
  canvas.classList.add("dragging");
  if (state.layout.shape === "3d" && !event.shiftKey && event.buttons !== 2) return turn(dx / 200, dy / 200);
  return slide(dx, dy);
});

function pinching(dx, dy) {
  const [[ax, ay], [bx, by]] = fingers.values(),
    apart = Math.hypot(ax - bx, ay - by);
  if (pinch) zoom(apart / pinch, (ax + bx) / 2, (ay + by) / 2);
  pinch = apart;
  slide(dx, dy);
}

function lifted(event) {
  if (!fingers.delete(event.pointerId)) return;
  canvas.classList.remove("dragging");
  pinch = null;
  const circle = state.circle;
  state.circle = [];
  if (event.type === "pointercancel") return redraw();
  if (circle.length > 3 && travelled > 12) takeRegion(inside(circle), event.shiftKey);
  else if (travelled < 5 && event.button === 0 && !fingers.size) select(pick(...place(event)));
  redraw();
}
canvas.addEventListener("pointerup", lifted);
canvas.addEventListener("pointercancel", lifted);
canvas.addEventListener("pointerleave", () => hover(-1));
canvas.addEventListener("contextmenu", (event) => event.preventDefault());
canvas.addEventListener("dblclick", (event) => zoom(2, ...place(event)));
canvas.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    settle();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...place(event));
  },
  { passive: false },
);

// Stop between two layouts nowhere: the points go to where they were going.
function settle() {
  if (motion) motion(Infinity);
  motion = null;
}

const KEYS = {
  ArrowLeft: () => moved(60, 0),
  ArrowRight: () => moved(-60, 0),
  ArrowUp: () => moved(0, 60),
  ArrowDown: () => moved(0, -60),
  "+": () => zoom(1.3),
  "=": () => zoom(1.3),
  "-": () => zoom(1 / 1.3),
  0: () => glide(home()),
  m: () => useTool("move"),
  l: () => useTool("lasso"),
  t: () => spin(!state.spinning),
  Enter: () => select(middle()),
  Escape: () => {
    state.circle = [];
    takeRegion([]);
    select(-1);
  },
};
const moved = (dx, dy) => (state.layout.shape === "3d" ? turn(dx / 200, dy / 200) : slide(dx, dy));
canvas.addEventListener("keydown", (event) => {
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  settle();
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
