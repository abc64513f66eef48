// Watch: trainings as they go on, side by side, and those that have ended. Their names are in the address.
import { html, useMemo, useState } from "../vendor/preact-htm.js";
import { pageUrl, useAddress } from "../shell/address.js";
import { request, useLoad } from "../shell/api.js";
import { list, optionalNumber, text } from "../shell/query-fields.js";
import { Icon } from "../shell/icons.js";
import { Empty } from "../components/feedback.js";
import { useRuns } from "../components/run-stream.js";
import { RunList } from "../components/run-list.js";
import { RunPanel } from "./watch/run-panel.js";
import { TrainingForm } from "./watch/training-form.js";

const FIELDS = { run: list(), kimg: optionalNumber(0, 1e7), train: text() }; // train: the dataset of the open form
const MAX_RUNS = 4; // side by side; more are compared on another page

/** Those that are being trained, or the newest. */
function defaultRuns(runs) {
  const active = runs.filter((run) => run.status === "running");
  return (active.length ? active : runs).slice(0, active.length ? 2 : 1).map((run) => run.name);
}

/** What a list says of a run that is being watched. */
const progressOf = (run) =>
  run?.info && { status: run.info.status, kimg: run.info.kimg, ...(run.sheets.length && { sheet: run.sheets.at(-1).address }) };

export default function Watch() {
  const [state, change] = useAddress(FIELDS);
  const [version, setVersion] = useState(0);
  const [openForm, setOpenForm] = useState(null); // the open form: {} or {branch: run}
  const form = openForm ?? (state.train ? { dataset: state.train } : null);
  const close = () => (setOpenForm(null), change({ train: "" }));
  const { value: runs, loading } = useLoad((signal) => request("/runs", { signal }), [version]);
  const { value: training } = useLoad((signal) => request("/training", { signal }), []);
  const selected = useMemo(() => {
    const available = new Set(runs?.map((run) => run.name));
    const requested = state.run.filter((name) => available.has(name)).slice(0, MAX_RUNS);
    return requested.length || !runs ? requested : defaultRuns(runs);
  }, [runs, state.run]);
  const loaded = useRuns(selected);
  const listed = runs?.map((run) => ({ ...run, ...progressOf(loaded[run.name]) }));
  const showNewRun = (name) => {
    setOpenForm(null);
    change({ run: [name], kimg: null, train: "" }, { push: true });
    setVersion(version + 1);
  };
  const changed = (name, to) => {
    change({ run: selected.flatMap((item) => (item === name ? (to ?? []) : item)), kimg: null });
    setVersion(version + 1);
  };
  const head = html`<div class="row spread">
    <h1>Watch</h1>
    ${training?.allowed && html`<button class="button primary" onClick=${() => setOpenForm({})}><${Icon} name="plus" />Train</button>`}
  </div>`;
  const dialog = form && training?.allowed && html`<${TrainingForm} ...${form} recipes=${training.recipes} onClose=${close} onStarted=${showNewRun} />`;
  if (runs && !runs.length)
    return html`${head}${dialog}<${Empty} icon="watch" title="No runs yet">
      <p>A run appears here as soon as it starts${training?.allowed ? ". Import photos on the Data page, then train a model on them." : html`. Start one with <code>facesmith train tiny DATASET runs/first</code>.`}</p>
      ${training?.allowed && html`<a class="button" href=${pageUrl("/data", { import: 1 })}><${Icon} name="plus" />Import photos</a>`}
    <//>`;
  return html`${dialog}<div class="two watch">
    <div class="side">
      ${head}
      ${listed && html`<${RunList} runs=${listed} selected=${selected} maxSelected=${MAX_RUNS} onChange=${(run) => change({ run, kimg: null }, { push: true })} />`}
      ${selected.length > 1 && html`<a class="button" href=${pageUrl("/compare", selected.map((name) => ["run", name]))}>
        <${Icon} name="compare" />Compare runs</a>`}
    </div>
    <div class="stage panels" data-count=${selected.length} aria-busy=${loading || selected.some((name) => !loaded[name])}>
      ${selected.map((name) => {
        const run = loaded[name];
        if (!run) return html`<article key=${name} class="card panel waiting"><h2>${name}</h2></article>`;
        if (run.error) return html`<article key=${name} class="card panel"><h2>${name}</h2><p>${run.error.message}</p></article>`;
        return html`<${RunPanel} key=${name} run=${run} allowed=${training?.allowed} at=${state.kimg}
          onMove=${(kimg) => change({ kimg })} onBranch=${() => setOpenForm({ branch: run })} onChanged=${changed} />`;
      })}
    </div>
  </div>`;
}
