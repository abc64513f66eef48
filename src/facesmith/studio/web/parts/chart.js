// Lines over the images shown: each as a thin raw line under the bold average of its neighbourhood, as in the reports.
import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact-htm.js";

const HEIGHT = 190;
const EDGE = { left: 46, right: 10, top: 8, bottom: 26 };

/** Three digits, as short as they can be read. */
export function short(value) {
  if (value == null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e4) return value.toLocaleString("en", { maximumFractionDigits: 0 });
  if (size && size < 1e-3) return value.toExponential(1);
  return String(+value.toPrecision(3));
}

/** Round numbers between two, at most about `most` of them. */
function ticks(low, high, most) {
  const rough = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((by) => by * power).find((by) => by >= rough);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) found.push(+at.toPrecision(12));
  return found;
}

/** The mean of the `width` points around each point, of fewer at both ends. */
function averaged(ys, width) {
  if (width < 2) return ys;
  const sums = [0];
  for (const y of ys) sums.push(sums.at(-1) + y);
  return ys.map((_, at) => {
    const [from, to] = [Math.max(0, at - (width >> 1)), Math.min(ys.length, at - (width >> 1) + width)];
    return (sums[to] - sums[from]) / (to - from);
  });
}

/** Between what most values lie: a few far out would flatten all others. */
function reach(values) {
  const sorted = Float64Array.from(values).sort();
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  let [low, high] = [sorted[0], sorted.at(-1)];
  if (sorted.length >= 50) {
    const [inner, outer] = [at(0.005), at(0.995)];
    const room = Math.max(outer - inner, 1e-9);
    [low, high] = [Math.max(low, inner - room), Math.min(high, outer + room)];
  }
  const air = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - air, high + air];
}

function nearest(xs, x) {
  let [low, high] = [0, xs.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle;
    else high = middle;
  }
  return x - xs[low] < xs[high] - x ? low : high;
}

/** The lines without what is no number: `series` are {name, xs, ys, colour, dash}, of which `colour` counts from 0. */
function lines(series, smooth) {
  return series
    .map((one) => {
      const kept = one.xs.map((x, at) => [x, one.ys[at]]).filter(([x, y]) => x != null && y != null);
      const [xs, ys] = [kept.map(([x]) => x), kept.map(([, y]) => y)];
      return { ...one, xs, ys, bold: averaged(ys, smooth ? Math.round(ys.length / 40) : 1) };
    })
    .filter((one) => one.xs.length);
}

function useWidth() {
  const box = useRef();
  const [width, set] = useState(0);
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => set(Math.round(entry.contentRect.width)));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  return [box, width];
}

const Value = ({ one }) => html`<b class="number c${one.colour % 7}" title=${one.name}>${short(one.bold[one.row])}</b>`;

/** What the lines are, and their values where one points. Lines of a `group` share a place, and are told by colour. */
function Legend({ shown }) {
  const groups = [...new Set(shown.map((one) => one.group ?? one.name))];
  return html`<ul class="legend small">
    ${groups.map((group) => {
      const [first, ...more] = shown.filter((one) => (one.group ?? one.name) === group);
      return html`<li key=${group} class="${first.group ? "c6" : `c${first.colour % 7}`} d${(first.dash ?? 0) % 3}">
        <svg viewBox="0 0 18 8" aria-hidden="true"><path d="M0 4H18" /></svg><span>${group}</span>
        ${[first, ...more].map((one) => html`<${Value} key=${one.name} one=${one} />`)}
      </li>`;
    })}
  </ul>`;
}

/** A chart. `series` are {name, xs, ys, colour, dash, group}; `marks` are places on the x axis that a dotted line shows; `unit` is what x counts. */
export function Chart({ title, ylabel, series, limits, smooth, marks = [], unit = "kimg" }) {
  const [box, width] = useWidth();
  const [at, point] = useState(null);
  const drawn = useMemo(() => lines(series, smooth), [series, smooth]);
  if (!drawn.length) return null;
  const [first, last] = [Math.min(...drawn.map((one) => one.xs[0])), Math.max(...drawn.map((one) => one.xs.at(-1)))];
  const [low, high] = limits ?? reach(drawn.flatMap((one) => one.ys));
  const wide = Math.max(1, width - EDGE.left - EDGE.right);
  const tall = HEIGHT - EDGE.top - EDGE.bottom;
  const x = (of) => EDGE.left + ((of - first) / (last - first || 1)) * wide;
  const y = (of) => EDGE.top + (1 - (Math.min(high, Math.max(low, of)) - low) / (high - low)) * tall;
  const path = (xs, ys) => "M" + xs.map((of, at) => `${x(of).toFixed(1)} ${y(ys[at]).toFixed(1)}`).join("L");
  const said = at ?? last;
  const shown = drawn.map((one) => ({ ...one, row: nearest(one.xs, said) }));
  const move = (event) => {
    const { left } = event.currentTarget.getBoundingClientRect();
    const share = (event.clientX - left - EDGE.left) / wide;
    point(share < -0.02 || share > 1.02 ? null : first + Math.min(1, Math.max(0, share)) * (last - first));
  };
  const words = shown.map((one) => `${one.name} ${short(one.bold[one.row])}`).join(", ");
  return html`<figure class="chart">
    <figcaption><h3>${title}</h3><span class="small quiet number">${at == null ? "last" : `at ${short(said)} ${unit}`}</span></figcaption>
    <${Legend} shown=${shown} />
    <div ref=${box}>
      <svg role="img" aria-label=${`${title} (${ylabel}): ${words} at ${short(said)} ${unit}`} width=${width || 300} height=${HEIGHT}
        onPointerMove=${move} onPointerDown=${move} onPointerLeave=${() => point(null)}>
        ${ticks(low, high, 4).map(
          (of) => html`<path class="grid" d=${`M${EDGE.left} ${y(of)}H${EDGE.left + wide}`} />
            <text class="tick y" x=${EDGE.left - 6} y=${y(of) + 3.5}>${short(of)}</text>`,
        )}
        ${ticks(first, last, Math.max(2, Math.floor(wide / 55))).map(
          (of) => html`<text class="tick x" x=${x(of)} y=${HEIGHT - 8}>${short(of)}</text>`,
        )}
        <text class="tick unit" x=${EDGE.left + wide} y=${HEIGHT - 8}>${unit}</text>
        ${marks.filter((of) => of > first && of < last).map((of) => html`<path class="mark" d=${`M${x(of)} ${EDGE.top}v${tall}`} />`)}
        ${width > 0 && drawn.map(
          (one) => html`<g class="c${one.colour % 7} d${(one.dash ?? 0) % 3}">
            ${one.bold !== one.ys && html`<path class="raw" d=${path(one.xs, one.ys)} />`}
            ${one.xs.length > 1
              ? html`<path class="bold" d=${path(one.xs, one.bold)} />`
              : html`<circle class="dot" cx=${x(one.xs[0])} cy=${y(one.ys[0])} r="3.5" />`}
          </g>`,
        )}
        ${at != null && html`<path class="cross" d=${`M${x(at)} ${EDGE.top}v${tall}`} />`}
        ${at != null && shown.map((one) => html`<circle class="dot c${one.colour % 7}" cx=${x(one.xs[one.row])} cy=${y(one.bold[one.row])} r="3.5" />`)}
      </svg>
    </div>
  </figure>`;
}
