// A map as a scatter plot with one face marked, in 2D, or in 3D with rotation.
import { html, useEffect, useRef, useState } from "../../vendor/preact-htm.js";
import { Slider } from "../../components/controls.js";

const DOT = [1.6, 2.6]; // radius of a face and of a neighbour
const [PORTRAIT_SIZE, NEIGHBOUR_SIZE] = [46, 34]; // pixels of a picture on the plot

/** The screen x and y of a point and its depth, after rotations around the vertical and the horizontal axis. */
function project([x, y, z = 0], [turn, nod]) {
  const [wide, deep] = [x * Math.cos(turn) + z * Math.sin(turn), z * Math.cos(turn) - x * Math.sin(turn)];
  return [wide, y * Math.cos(nod) - deep * Math.sin(nod), deep * Math.cos(nod) + y * Math.sin(nod)];
}

/** The images at these addresses, by address, once loaded. */
function usePictures(addresses) {
  const [pictures, set] = useState({});
  useEffect(() => {
    let isMounted = true;
    for (const address of addresses.filter(Boolean)) {
      const picture = new Image();
      picture.src = address;
      picture.decode().then(() => isMounted && set((old) => ({ ...old, [address]: picture }))).catch(() => {});
    }
    return () => (isMounted = false);
  }, [addresses.join()]);
  return pictures;
}

/** Colours as the styles have them now: canvases do not follow by themselves. */
function colours(canvas) {
  const style = getComputedStyle(canvas);
  return {
    quiet: style.color,
    text: style.caretColor,
    accent: style.borderTopColor,
    having: style.outlineColor,
    without: style.columnRuleColor,
  };
}

function useRedrawn() {
  const [count, refresh] = useState(0);
  const canvas = useRef();
  useEffect(() => {
    const redraw = () => refresh((before) => before + 1);
    const watch = new ResizeObserver(redraw);
    const system = matchMedia("(prefers-color-scheme: dark)");
    watch.observe(canvas.current);
    addEventListener("themechange", redraw);
    system.addEventListener("change", redraw);
    return () => {
      watch.disconnect();
      removeEventListener("themechange", redraw);
      system.removeEventListener("change", redraw);
    };
  }, []);
  return [canvas, count];
}

function framed(pen, picture, x, y, wide, colour) {
  const high = picture ? (wide * picture.naturalHeight) / picture.naturalWidth : wide;
  const box = [x - wide / 2, y - high / 2, wide, high];
  if (picture) pen.drawImage(picture, ...box);
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.strokeRect(...box);
}

export function MapPlot({ layout: { points, having }, place, near, closer, portrait, spatial, label }) {
  const [canvas, redrawCount] = useRedrawn();
  const [turn, setTurn] = useState(spatial ? 0.5 : 0);
  const [nod, setNod] = useState(spatial ? -0.3 : 0);
  const pictures = usePictures([portrait, ...near.map((item) => item.picture)]);
  useEffect(() => {
    const [wide, high, dense] = [canvas.current.clientWidth, canvas.current.clientHeight, devicePixelRatio];
    if (!wide) return;
    Object.assign(canvas.current, { width: wide * dense, height: high * dense });
    const pen = canvas.current.getContext("2d");
    pen.scale(dense, dense);
    const { quiet, text, accent, having: has, without } = colours(canvas.current);
    const at = project(place, [turn, nod]);
    const friends = near.map((item) => project(points[item.at], [turn, nod]));
    const away = Math.max(...friends.map(([x, y]) => Math.hypot(x - at[0], y - at[1])), 0.02);
    const [middle, reach] = closer ? [at, 1.25 * away] : [[0, 0], 1.04];
    const scale = Math.min(wide, high) / 2 / reach;
    const put = ([x, y]) => [wide / 2 + (x - middle[0]) * scale, high / 2 - (y - middle[1]) * scale];
    points.forEach((point, index) => {
      const position = project(point, [turn, nod]);
      const [x, y] = put(position);
      const value = having?.[index];
      pen.globalAlpha = spatial ? 0.35 + 0.3 * Math.max(-1, Math.min(1, position[2])) : 0.55;
      pen.fillStyle = value == null ? quiet : value ? has : without;
      pen.fillRect(x - DOT[0], y - DOT[0], 2 * DOT[0], 2 * DOT[0]);
    });
    pen.globalAlpha = 1;
    // The nearest neighbour is drawn last, on top.
    for (const [index, friend] of [...friends.entries()].reverse()) {
      const [x, y] = put(friend);
      pen.fillStyle = text;
      if (closer && pictures[near[index].picture]) framed(pen, pictures[near[index].picture], x, y, NEIGHBOUR_SIZE, quiet);
      else (pen.beginPath(), pen.arc(x, y, DOT[1], 0, 7), pen.fill());
    }
    framed(pen, pictures[portrait], ...put(at), PORTRAIT_SIZE, accent);
    canvas.current.dataset.of = `${label} ${place}`; // identifies the image in tests
  }, [points, having, place, near, closer, turn, nod, pictures, redrawCount]);
  const drag = (event) => {
    if (!spatial || !event.buttons) return;
    const wrapAngle = (radians) => ((radians + 3 * Math.PI) % (2 * Math.PI)) - Math.PI;
    setTurn(wrapAngle(turn + event.movementX / 150));
    setNod(Math.max(-1.5, Math.min(1.5, nod + event.movementY / 150)));
  };
  return html`<canvas ref=${canvas} class="map-plot ${spatial && "spatial"}" role="img" aria-label=${label} onPointerMove=${drag}
      onPointerDown=${(event) => spatial && event.target.setPointerCapture(event.pointerId)} />
    ${spatial && html`<${Slider} label="Rotation" value=${Math.round((turn * 180) / Math.PI)} low=${-180} high=${180} step=${1} zero=${0}
      onInput=${(degrees) => setTurn((degrees * Math.PI) / 180)} format=${(degrees) => `${degrees}°`} />`}`;
}
