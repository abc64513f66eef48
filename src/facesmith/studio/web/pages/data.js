// Datasets: example images, attribute rates, and the exploration report.
import { html, useEffect, useState } from "../vendor/preact-htm.js";
import { pageUrl, useAddress } from "../shell/address.js";
import { request, apiUrl, useLoad } from "../shell/api.js";
import { flag, number, text } from "../shell/query-fields.js";
import { isPhone } from "../shell/screen.js";
import { Icon } from "../shell/icons.js";
import { showError, showMessage } from "../shell/toasts.js";
import { themed, useTheme } from "../shell/theme.js";
import { attributeLabel } from "../components/attribute-sliders.js";
import { Select } from "../components/controls.js";
import { Empty, Loading } from "../components/feedback.js";
import { ItemActions } from "../components/item-actions.js";
import { ImportForm } from "./data/import-form.js";

const FIELDS = { data: text(), seed: number(0, 0, 999_999), having: text(), import: flag() };

function Rates({ rates, having, onChoose }) {
  return html`<ul class="rates">
    ${[...rates].sort((item, second) => (second.share ?? 0) - (item.share ?? 0)).map(
      (rate) => html`<li key=${rate.name}>
        <button type="button" aria-pressed=${having === rate.name} onClick=${() => onChoose(having === rate.name ? "" : rate.name)}>
          <span>${attributeLabel(rate.name)}</span>
          <span class="number muted">${rate.share == null ? "unknown" : `${(100 * rate.share).toFixed(1)}%`}</span>
          <span class="bar"><span style=${{ width: `${100 * (rate.share ?? 0)}%` }}></span></span>
        </button>
      </li>`,
    )}
  </ul>`;
}

function ExplorationReport({ data, allowed, onCreated }) {
  const [busy, setBusy] = useState(false);
  const theme = useTheme();
  const make = async () => {
    setBusy(true);
    try {
      onCreated(await request(`/datasets/${data.name}/explore`, { method: "POST" }));
      showMessage("The report has been written");
    } catch (error) {
      showError(error);
    }
    setBusy(false);
  };
  if (data.explore)
    return html`<div class="row spread"><h2>Exploration report</h2><a class="button" href=${themed(data.explore, theme)} target="_blank">Open in new window</a></div>
      <iframe class="report-frame" src=${themed(data.explore, theme)} title=${`Exploration report of ${data.name}`} sandbox="" loading="lazy"></iframe>`;
  return html`<h2>Exploration report</h2>
    <p>One page with the mean face, brightness and colour, correlated attributes, duplicates and outliers.</p>
    ${allowed
      ? html`<div class="row"><button class="button" disabled=${busy} onClick=${make}>Write the report</button>
          <span class="small muted" role="status">${busy && "Analysing all images."}</span></div>`
      : html`<p><code>facesmith data explore ${data.name}</code></p>`}`;
}

export default function Data() {
  const [state, change] = useAddress(FIELDS);
  const [version, setVersion] = useState(0);
  const { value, loading } = useLoad((signal) => request("/datasets", { signal }), [version]);
  const { value: training } = useLoad((signal) => request("/training", { signal }), []);
  const [updates, setUpdates] = useState({}); // datasets whose report was written since the page was loaded
  const datasets = value?.map((item) => updates[item.name] ?? item);
  const data = datasets?.find((item) => item.name === state.data) ?? datasets?.[0];
  const { value: rates } = useLoad((signal) => data && request(`/datasets/${data.name}/attributes`, { signal }), [data?.name]);
  const [wide, setWide] = useState(!isPhone());
  useEffect(() => {
    const look = () => setWide(!isPhone());
    addEventListener("resize", look);
    return () => removeEventListener("resize", look);
  }, []);
  const go = (name) => (change({ data: name, having: "", import: false }), setVersion(version + 1));
  const form = state.import && training?.allowed && datasets &&
    html`<${ImportForm} names=${datasets.map((item) => item.name)} onClose=${() => change({ import: false })} onCreated=${go} />`;
  const button = training?.allowed && html`<button class="button primary" onClick=${() => change({ import: true })}><${Icon} name="plus" />Import photos</button>`;
  if (datasets && !data)
    return html`<h1>Data</h1>${form}<${Empty} icon="data" title="No dataset yet">
      <p>Create one from your own photos${button ? ". Nothing leaves the computer that runs the studio." : html`: <code>facesmith data import ~/photos faces --size 64</code>`}</p>
      ${button}
    <//>`;
  if (!data) return html`<h1>Data</h1>${loading && html`<${Loading} />`}`;
  const having = data.attributes.includes(state.having) ? state.having : "";
  const columns = wide ? 12 : 6;
  const found = having ? Math.round((rates?.find((rate) => rate.name === having)?.share ?? 1) * data.count) : data.count;
  const rows = Math.max(1, Math.min(6, Math.floor(found / columns))); // full ones
  const suffix = having ? `: ${attributeLabel(having)}` : "";
  return html`${form}<div class="two">
    <div class="side">
      <div class="row spread"><h1>Data</h1>${button}</div>
      <${Select} label="Dataset" value=${data.name} options=${datasets.map((item) => item.name)}
        onChange=${(name) => change({ data: name, having: "" }, { push: true })} />
      <dl class="dataset-facts">
        <div><dt>images</dt><dd class="number">${data.count.toLocaleString("en")}</dd></div>
        <div><dt>size</dt><dd class="number">${data.size.join(" x ")}</dd></div>
        <div><dt>attributes</dt><dd class="number">${data.attributes.length}</dd></div>
      </dl>
      ${data.credit && html`<p class="small muted">${data.credit}</p>`}
      ${training?.allowed && html`<div class="row">
        <a class="button" href=${pageUrl("/watch", { train: data.name })}><${Icon} name="play" />Train on this</a>
        <${ItemActions} kind="datasets" name=${data.name} onRenamed=${go} onDeleted=${() => go("")} />
      </div>`}
      ${rates && rates.length > 0 && html`<h2>Attribute frequencies</h2><${Rates} rates=${rates} having=${having} onChoose=${(name) => change({ having: name })} />`}
    </div>
    <div class="stage">
      <section class="card">
        <div class="row spread"><h2>Examples${suffix}</h2>
          <button class="button" onClick=${() => change({ seed: (state.seed + 1) % 1_000_000 })}><${Icon} name="dice" />Shuffle</button></div>
        <img class="picture examples" src=${apiUrl(`/datasets/${data.name}/sheet`, { count: rows * columns, columns, seed: state.seed, having })}
          alt=${`${Math.min(found, rows * columns)} random images from ${data.title}${suffix}`} />
      </section>
      <section class="card"><${ExplorationReport} data=${data} allowed=${training?.allowed} onCreated=${(item) => setUpdates({ ...updates, [item.name]: item })} /></section>
    </div>
  </div>`;
}
