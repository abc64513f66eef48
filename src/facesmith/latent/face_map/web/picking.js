// Hit testing: the face at a position on the screen, and the faces inside a polygon.
function indexAt(x, y) {
  for (let index = drawnFaces.length - 1; index >= 0; index--) {
    const [i, width, height] = drawnFaces[index];
    if (Math.abs(px[i] - x) <= width && Math.abs(py[i] - y) <= height) return i;
  }
  let nearest = -1,
    minDistance = 8; // maximum distance from a dot, in pixels
  for (let i = 0; i < COUNT; i++) {
    const distance = inView[i] ? Math.hypot(px[i] - x, py[i] - y) : Infinity;
    if (distance < minDistance) {
      minDistance = distance;
      nearest = i;
    }
  }
  return nearest;
}

// Return the visible point nearest to the centre of the canvas.
function indexInMiddle() {
  let nearest = -1,
    minDistance = Infinity;
  for (let i = 0; i < TOTAL; i++) {
    if (!inView[i]) continue;
    const distance = Math.hypot(px[i] - screen.width / 2, py[i] - screen.height / 2) - (inSpace() ? 20 * pz[i] : 0);
    if (distance < minDistance) {
      minDistance = distance;
      nearest = i;
    }
  }
  return nearest;
}

// Return the faces of the dataset inside a polygon on the screen, by the even-odd rule. Placed photos take no labels.
function indicesInside(polygon) {
  const indices = [];
  for (let i = 0; i < COUNT; i++) {
    if (!inView[i]) continue;
    let isInside = false;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      const [ax, ay] = polygon[a],
        [bx, by] = polygon[b];
      if (ay > py[i] !== by > py[i] && px[i] < ((bx - ax) * (py[i] - ay)) / (by - ay) + ax) isInside = !isInside;
    }
    if (isInside) indices.push(i);
  }
  return indices;
}
