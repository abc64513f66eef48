// Line charts as SVG: pure functions from data to markup, without a framework. The studio imports this file, reports have
// it inline; both use chart.css. `prepareCurves`, `layoutChart` and `chartMarkup` make the content of an <svg>, and
// `legendMarkup` that of a list.
//
// options: { title, ylabel, series, limits, smooth, marks, unit, width, height }. `series` are { name, xs, ys, spread,
// colour, dash, group }: colour and dash are indices, the optional `spread` of each point is drawn as a band, and curves
// of one `group` share an entry of the legend. `smooth` draws a moving average over thin raw lines. `marks` are x values
// of dotted vertical lines, `limits` is [low, high] of the y axis, `unit` is the unit of x.

const MARGIN = { left: 46, right: 10, top: 8, bottom: 26 };
const OUTLIER_POINTS = 50; // a series with fewer points is drawn with its outliers

/** A number with three digits, as short as possible. */
export function formatNumber(value) {
  if (value == null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e4) return value.toLocaleString("en", { maximumFractionDigits: 0 });
  if (size && size < 1e-3) return value.toExponential(1);
  return String(+value.toPrecision(3));
}

/** Text for use in markup and in attributes. */
function escapeText(text) {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return String(text).replace(/[&<>"]/g, (character) => entities[character]);
}

/** Round numbers from low to high, about `count` of them at most. */
function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const values = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-9; value += step)
    values.push(+value.toPrecision(12));
  return values;
}

/** The mean of the `width` points around each point, of fewer at both ends. */
function movingAverage(ys, width) {
  if (width < 2) return ys;
  const sums = [0];
  for (const y of ys) sums.push(sums.at(-1) + y);
  return ys.map((_, index) => {
    const start = index - (width >> 1);
    const [from, to] = [Math.max(0, start), Math.min(ys.length, start + width)];
    return (sums[to] - sums[from]) / (to - from);
  });
}

/** The range of the y axis: all values except a few outliers, which would flatten the rest. */
function valueRange(values) {
  const sorted = Float64Array.from(values).sort();
  const quantile = (share) => sorted[Math.round(share * (sorted.length - 1))];
  let [low, high] = [sorted[0], sorted.at(-1)];
  if (sorted.length >= OUTLIER_POINTS) {
    const [inner, outer] = [quantile(0.005), quantile(0.995)];
    const spread = Math.max(outer - inner, 1e-9);
    [low, high] = [Math.max(low, inner - spread), Math.min(high, outer + spread)];
  }
  const padding = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - padding, high + padding];
}

/** The values of a curve, with the ends of its band. */
function coveredValues({ ys, spread }) {
  return spread ? ys.flatMap((y, row) => [y - (spread[row] ?? 0), y + (spread[row] ?? 0)]) : ys;
}

/** The index of the value nearest to x in the rising list `xs`. */
function nearestIndex(xs, x) {
  let [low, high] = [0, xs.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle;
    else high = middle;
  }
  return x - xs[low] < xs[high] - x ? low : high;
}

/** The curves without missing values, each with its moving average `bold`; empty ones are left out. */
export function prepareCurves(series, smooth) {
  return series
    .map((curve) => {
      const rows = [...curve.xs.keys()].filter((row) => curve.xs[row] != null && curve.ys[row] != null);
      const [xs, ys, spread] = [curve.xs, curve.ys, curve.spread].map((column) => column && rows.map((row) => column[row]));
      return { ...curve, xs, ys, spread, bold: movingAverage(ys, smooth ? Math.round(ys.length / 40) : 1) };
    })
    .filter((curve) => curve.xs.length);
}

/** The scales of a chart of prepared curves; null without curves. `values(x)` are the curves' values nearest to x. */
export function layoutChart(curves, { title, ylabel, limits, unit = "kimg", width = 600, height = 190 }) {
  if (!curves.length) return null;
  const first = Math.min(...curves.map((curve) => curve.xs[0]));
  const last = Math.max(...curves.map((curve) => curve.xs.at(-1)));
  const [low, high] = limits ?? valueRange(curves.flatMap(coveredValues));
  const [left, top] = [MARGIN.left, MARGIN.top];
  const plotWidth = Math.max(1, width - left - MARGIN.right);
  const plotHeight = height - top - MARGIN.bottom;
  const x = (value) => left + ((value - first) / (last - first || 1)) * plotWidth;
  const y = (value) => top + (1 - (Math.min(high, Math.max(low, value)) - low) / (high - low)) * plotHeight;
  const values = (at) => curves.map((curve) => ({ ...curve, row: nearestIndex(curve.xs, at) }));
  /** The x value at a horizontal position in pixels; null outside the plot. */
  const valueAt = (position) => {
    const share = (position - left) / plotWidth;
    return share < -0.02 || share > 1.02 ? null : first + Math.min(1, Math.max(0, share)) * (last - first);
  };
  const label = (at) => {
    const parts = values(at).map((curve) => `${curve.name} ${formatNumber(curve.bold[curve.row])}`);
    return `${title} (${ylabel}): ${parts.join(", ")} at ${formatNumber(at)} ${unit}`;
  };
  return { curves, first, last, low, high, left, top, plotWidth, plotHeight, height, unit, x, y, values, valueAt, label };
}

/** The content of the <svg> of a chart; `cursor` is an x value that is marked. */
export function chartMarkup(layout, { marks = [], cursor = null } = {}) {
  const { curves, first, last, low, high, left, top, plotWidth, plotHeight, height, unit, x, y } = layout;
  const line = (kind, xs, ys) =>
    `<path class="${kind}" d="M${xs.map((value, at) => `${x(value).toFixed(1)} ${y(ys[at]).toFixed(1)}`).join("L")}"/>`;
  const band = ({ xs, ys, spread }) => {
    const edge = (sign) => xs.map((value, at) => `${x(value).toFixed(1)} ${y(ys[at] + sign * (spread[at] ?? 0)).toFixed(1)}`);
    return `<path class="band" d="M${[...edge(1), ...edge(-1).reverse()].join("L")}Z"/>`;
  };
  const dot = (value, at) => `cx="${x(value)}" cy="${y(at)}" r="3.5"`;
  const vertical = (kind, value) => `<path class="${kind}" d="M${x(value)} ${top}v${plotHeight}"/>`;
  const parts = [];
  for (const value of ticks(low, high, 4))
    parts.push(
      `<path class="grid" d="M${left} ${y(value)}H${left + plotWidth}"/>`,
      `<text class="tick y" x="${left - 6}" y="${y(value) + 3.5}">${formatNumber(value)}</text>`,
    );
  const unitStart = left + plotWidth - 7 * unit.length - 14;
  for (const value of ticks(first, last, Math.max(2, Math.floor(plotWidth / 55))))
    if (x(value) < unitStart) parts.push(`<text class="tick x" x="${x(value)}" y="${height - 8}">${formatNumber(value)}</text>`);
  parts.push(`<text class="tick unit" x="${left + plotWidth}" y="${height - 8}">${escapeText(unit)}</text>`);
  for (const value of marks) if (value > first && value < last) parts.push(vertical("mark", value));
  for (const curve of curves) {
    const raw = curve.bold === curve.ys ? "" : line("raw", curve.xs, curve.ys);
    const bold =
      curve.xs.length > 1
        ? line("bold", curve.xs, curve.bold)
        : `<circle class="dot" ${dot(curve.xs[0], curve.ys[0])}/>`;
    parts.push(`<g class="c${curve.colour % 7} d${(curve.dash ?? 0) % 3}">${curve.spread ? band(curve) : ""}${raw}${bold}</g>`);
  }
  if (cursor != null) {
    parts.push(vertical("cross", cursor));
    for (const curve of layout.values(cursor))
      parts.push(
        `<circle class="dot c${curve.colour % 7}" ${dot(curve.xs[curve.row], curve.bold[curve.row])}/>`,
      );
  }
  return parts.join("");
}

/** The entries of a legend with the values of `layout.values(x)`. Curves of one group differ by colour. */
export function legendMarkup(values) {
  const names = [...new Set(values.map((curve) => curve.group ?? curve.name))];
  const members = (name) => values.filter((curve) => (curve.group ?? curve.name) === name);
  const value = (curve) =>
    `<b class="number c${curve.colour % 7}" title="${escapeText(curve.name)}">${formatNumber(curve.bold[curve.row])}</b>`;
  const entry = (name) => {
    const curves = members(name);
    const [first] = curves;
    const colour = first.group ? 6 : first.colour % 7;
    return `<li class="c${colour} d${(first.dash ?? 0) % 3}"><svg viewBox="0 0 18 8" aria-hidden="true"><path d="M0 4H18"/></svg><span>${escapeText(name)}</span>${curves.map(value).join("")}</li>`;
  };
  return names.map(entry).join("");
}
