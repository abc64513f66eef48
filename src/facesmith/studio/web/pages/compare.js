// Compare runs: their newest faces, their curves, and the settings that differ.
import { html, useMemo } from "../vendor/preact-htm.js";
import { pageUrl, useAddress } from "../shell/address.js";
import { request, useLoad } from "../shell/api.js";
import { choice, list } from "../shell/query-fields.js";
import { AiLine } from "../components/ai-line.js";
import { SegmentedControl } from "../components/controls.js";
import { RunCharts } from "../components/run-charts.js";
import { useRuns } from "../components/run-stream.js";
import { RunList } from "../components/run-list.js";
import { duration, healthOf, isGan, sheetJpegUrl, Status, imageCount } from "../components/run-format.js";
import { Empty } from "../components/feedback.js";

const FIELDS = { run: list(), against: choice("kimg", ["kimg", "time"]) };
const MAX_RUNS = 6;

/** The rows of the table: facts of each run, and the settings that differ. */
function rows(runs) {
  const facts = [
    ["status", (run) => html`<${Status} status=${run.info.status} />`],
    ["recipe", (run) => run.info.recipe],
    ["dataset", (run) => run.info.dataset],
    ["training images seen", (run) => imageCount(run.info.kimg)],
    ["training time", (run) => duration(run.info.seconds)],
    ["images per second", (run) => run.info.images_per_second?.toPrecision(3) ?? "–"],
    ["health", (run) => healthOf(run.info).name ?? "–"],
    ["best", (run) => run.info.best ?? "–"],
  ];
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.info.settings)))];
  const value = (run, name) => (name in run.info.settings ? String(run.info.settings[name]) : "–");
  const differences = names.filter((name) => !["name", "about"].includes(name) && new Set(runs.map((run) => value(run, name))).size > 1);
  return [facts, differences.map((name) => [name, (run) => value(run, name)])];
}

const Rows = ({ of, runs }) =>
  of.map(([name, cell]) => html`<tr key=${name}><th scope="row">${name}</th>${runs.map((run) => html`<td key=${run.name} class="number">${cell(run)}</td>`)}</tr>`);

function Table({ runs }) {
  const [facts, settings] = useMemo(() => rows(runs), [...runs.map((run) => run.info)]);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Comparison of the runs">
    <table class="plain-table comparison">
      <thead><tr><td></td>${runs.map((run, at) => html`<th key=${run.name} scope="col" class="c${at}"><span class="swatch"></span>${run.name}</th>`)}</tr></thead>
      <tbody><${Rows} of=${facts} runs=${runs} /></tbody>
      <tbody>
        <tr><th colspan=${runs.length + 1} scope="rowgroup" class="part">${settings.length ? "Settings that differ" : "All settings are the same."}</th></tr>
        <${Rows} of=${settings} runs=${runs} />
      </tbody>
    </table>
  </div>`;
}

export default function Compare() {
  const [state, change] = useAddress(FIELDS);
  const { value: runs } = useLoad((signal) => request("/runs", { signal }), []);
  const selected = useMemo(() => {
    const available = new Set(runs?.map((run) => run.name));
    return state.run.filter((name) => available.has(name)).slice(0, MAX_RUNS);
  }, [runs, state.run]);
  const loaded = useRuns(selected);
  const ready = selected.map((name) => loaded[name]).filter((run) => run?.info);
  if (runs && runs.length < 2)
    return html`<h1>Compare</h1><${Empty} icon="compare" title="Comparison requires two runs">
      <p>${runs.length ? "This studio has only one run. Start another with one setting changed" : "This studio has no runs. Start two that differ in one setting; for example, start the second with"}: <code>facesmith train tiny DATASET runs/other --set seed=1</code></p>
    <//>`;
  return html`<div class="two">
    <div class="side">
      <h1>Compare</h1>
      ${runs && html`<${RunList} runs=${runs} selected=${selected} maxSelected=${MAX_RUNS} onChange=${(run) => change({ run }, { push: true })} />`}
    </div>
    <div class="stage" aria-busy=${ready.length < selected.length}>
      ${runs && selected.length < 2 &&
      html`<${Empty} icon="compare" title=${selected.length ? "Select another run" : "Select two or more runs"}>
        <p>The comparison shows the newest faces, the curves and the differing settings of the selected runs.</p>
      <//>`}
      ${ready.length > 1 &&
      html`<section class="card"><h2>Newest faces</h2>
          <div class="side-by-side">
            ${ready.map((run, at) => html`<figure key=${run.name}>
              ${run.sheets.length > 0 && html`<img class="picture" width="8" height="8" src=${sheetJpegUrl(run.sheets.at(-1).address, 420)} alt=${`The newest sheet of ${run.name}`} />`}
              <figcaption class="c${at}"><span><span class="swatch"></span> <a href=${pageUrl("/watch", { run: run.name })}>${run.name}</a></span>
                <span class="small muted number">after ${imageCount(run.sheets.at(-1)?.kimg ?? 0)} images</span></figcaption>
            </figure>`)}
          </div>${ready.every((run) => isGan(run.info)) && html`<${AiLine} />`}</section>
        <section class="card">
          <div class="row spread"><h2>Curves</h2>
            <ul class="legend small">${ready.map((run, at) => html`<li key=${run.name} class="c${at}"><span class="swatch"></span>${run.name}</li>`)}</ul>
            <${SegmentedControl} label="X axis" hidden value=${state.against} options=${[["kimg", "Training images"], ["time", "Minutes"]]} onChange=${(against) => change({ against })} />
          </div>
          <${RunCharts} runs=${ready} against=${state.against} />
        </section>
        <section class="card"><h2>Differences</h2><${Table} runs=${ready} /></section>`}
    </div>
  </div>`;
}
