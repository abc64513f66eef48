// Which face is meant by a place on the screen, and which lie inside a loop.
function pick(x, y) {
  for (let at = drawn.length - 1; at >= 0; at--) {
    const [i, width, height] = drawn[at];
    if (Math.abs(px[i] - x) <= width && Math.abs(py[i] - y) <= height) return i;
  }
  let best = -1,
    least = 8; // pixels from a dot that still mean it
  for (let i = 0; i < COUNT; i++) {
    const away = inView[i] ? Math.hypot(px[i] - x, py[i] - y) : Infinity;
    if (away < least) {
      least = away;
      best = i;
    }
  }
  return best;
}

// The point nearest to the middle of what is seen.
function middle() {
  let best = -1,
    least = Infinity;
  for (let i = 0; i < TOTAL; i++) {
    if (!inView[i]) continue;
    const away = Math.hypot(px[i] - screen.width / 2, py[i] - screen.height / 2) - (inSpace() ? 20 * pz[i] : 0);
    if (away < least) {
      least = away;
      best = i;
    }
  }
  return best;
}

// Faces of the dataset inside a polygon on the screen, by the even-odd rule; photos are guests and take no labels.
function inside(polygon) {
  const found = [];
  for (let i = 0; i < COUNT; i++) {
    if (!inView[i]) continue;
    let odd = false;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      const [ax, ay] = polygon[a],
        [bx, by] = polygon[b];
      if (ay > py[i] !== by > py[i] && px[i] < ((bx - ax) * (py[i] - ay)) / (by - ay) + ax) odd = !odd;
    }
    if (odd) found.push(i);
  }
  return found;
}
