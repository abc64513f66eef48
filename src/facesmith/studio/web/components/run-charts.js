// The charts of one run, or of several runs in the same axes.
import { html, useMemo } from "../vendor/preact-htm.js";
import { Chart } from "./chart.js";

/** A function from kimg to minutes of training, interpolated between the rows of the timing table. */
function clock(timing) {
  const [xs, ys] = [timing?.kimg ?? [], timing?.seconds ?? []];
  let at = 0;
  return (kimg) => {
    if (!xs.length) return null;
    if (kimg < xs[at]) at = 0;
    while (at < xs.length - 1 && xs[at] < kimg) at++;
    const before = at ? xs[at - 1] : 0;
    const share = xs[at] === before ? 1 : Math.min(1, (kimg - before) / (xs[at] - before));
    return ((at ? ys[at - 1] : 0) * (1 - share) + ys[at] * share) / 60;
  };
}

function places(run, table, against) {
  const { kimg = [] } = run.metrics.tables[table] ?? {};
  return against === "time" ? kimg.map(clock(run.metrics.tables.timing)) : kimg;
}

/** The charts of runs. Colours stand for runs if there are several, else for measurements. */
export function RunCharts({ runs, against = "kimg" }) {
  const charts = useMemo(() => {
    const names = [...new Set(runs.flatMap((run) => Object.keys(run.metrics.charts)))];
    return names.map((name) => {
      const having = runs.filter((run) => name in run.metrics.charts);
      const chart = having[0].metrics.charts[name];
      const many = runs.length > 1 && Object.keys(chart.columns).length > 1;
      const series = having.flatMap((run) =>
        Object.entries(chart.columns)
          .filter(([column]) => run.metrics.tables[chart.table]?.[column])
          .map(([column, label], at) => ({
            name: many ? `${run.name}: ${label}` : runs.length > 1 ? run.name : label,
            group: many ? label : undefined,
            xs: places(run, chart.table, against),
            ys: run.metrics.tables[chart.table][column],
            spread: run.metrics.tables[chart.table][`${column}_spread`],
            colour: runs.length > 1 ? runs.indexOf(run) : at,
            dash: runs.length > 1 ? at : 0,
          })),
      );
      return { name, chart, series };
    });
  }, [against, ...runs.map((run) => run.metrics)]);
  const marks = runs.length === 1 && against === "kimg" ? runs[0].metrics.resumed : [];
  return html`<div class="charts">
    ${charts.map(
      ({ name, chart, series }) => html`<${Chart} key=${name} title=${chart.title} ylabel=${chart.ylabel} series=${series}
        limits=${chart.limits} smooth=${chart.smooth} marks=${marks} unit=${against === "time" ? "minutes" : "kimg"} />`,
    )}
  </div>`;
}
