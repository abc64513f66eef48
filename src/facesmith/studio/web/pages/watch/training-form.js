// The form that starts a training or branches a run.
import { html, useState } from "../../vendor/preact-htm.js";
import { request, useLoad, useModels } from "../../shell/api.js";
import { pageUrl } from "../../shell/address.js";
import { showError } from "../../shell/toasts.js";
import { Icon } from "../../shell/icons.js";
import { Select, NumberInput } from "../../components/controls.js";
import { Dialog } from "../../components/dialog.js";
import { Empty } from "../../components/feedback.js";
import { freeName, validName } from "../../components/run-names.js";

/** What is typed, as the setting's own kind: 0.5 is a number, true a yes, anything else a text. */
function parseValue(text) {
  const trimmed = text.trim();
  if (["true", "false", "none"].includes(trimmed.toLowerCase())) return { true: true, false: false, none: null }[trimmed.toLowerCase()];
  return trimmed !== "" && Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
}

/** Settings without a default, by recipe or task. */
const REQUIRED_SETTINGS = { finetune: "model", encoder: "model", makeover: "directions" };
const requiredRows = ({ name, task }) => {
  const required = REQUIRED_SETTINGS[name] ?? REQUIRED_SETTINGS[task];
  return required ? [{ name: required, value: "" }] : [];
};

function Setting({ row, settings, itemNames, onChange, onDrop }) {
  const setting = settings.find((item) => item.name === row.name) ?? settings[0];
  const choices = setting.pretrained ? ["", ...itemNames[setting.pretrained]] : setting.choices;
  const label = `Value of ${setting.name}`;
  return html`<li>
    <div class="with">
      <select aria-label="Setting" value=${setting.name} onChange=${(event) => onChange({ name: event.target.value, value: "" })}>
        ${settings.map((item) => html`<option key=${item.name} value=${item.name} selected=${item.name === setting.name}>${item.name}</option>`)}
      </select>
      ${choices.length
        ? html`<select aria-label=${label} onChange=${(event) => onChange({ ...row, value: event.target.value })}>
            ${choices.map((item) => html`<option key=${item} value=${item} selected=${item === (row.value || setting.value)}>${item || "none"}</option>`)}
          </select>`
        : html`<input type="text" aria-label=${label} value=${row.value} placeholder=${String(setting.value)}
            onInput=${(event) => onChange({ ...row, value: event.target.value })} />`}
      <button type="button" class="plain" aria-label=${`Remove the setting ${setting.name}`} onClick=${onDrop}><${Icon} name="close" /></button>
    </div>
    <p class="small muted">${setting.about}</p>
  </li>`;
}

export function TrainingForm({ branch, dataset, recipes, onClose, onStarted }) {
  const { value: datasets } = useLoad((signal) => request("/datasets", { signal }), []);
  const [recipe, setRecipe] = useState(branch?.info.recipe ?? recipes[0].name);
  const { value: recipeInfo } = useLoad((signal) => request(`/training/${encodeURIComponent(recipe)}`, { signal }), [recipe]);
  const models = useModels() ?? [];
  const { value: runs } = useLoad((signal) => request("/runs", { signal }), []);
  const named = (kind) => models.filter((item) => item.kind === kind).map((item) => item.name);
  const itemNames = { generator: named("generator"), classifier: named("classifier"), run: runs?.map((item) => item.name) ?? [] };
  const [typedName, setTypedName] = useState(null);
  const usedNames = [...(runs ?? []), ...(datasets ?? []), ...models].map((item) => item.name); // they may share a folder
  const name = typedName ?? (runs && datasets ? freeName(branch?.name ?? recipe, usedNames) : "");
  const [data, setData] = useState(dataset ?? null);
  const [minutes, setMinutes] = useState(10);
  const [rows, setRows] = useState([]);
  const [busy, setBusy] = useState(false);
  const about = recipes.find((item) => item.name === recipe)?.about;
  const settings = recipeInfo?.settings.filter((item) => item.name !== "kimg") ?? [];
  const begin = async (event) => {
    event.preventDefault();
    setBusy(true);
    const entries = rows.filter((row) => row.value !== "").map((row) => [row.name, parseValue(row.value)]);
    const json = { name, [branch ? "additional_minutes" : "minutes"]: minutes, settings: Object.fromEntries(entries) };
    try {
      if (branch) await request(`/runs/${branch.name}/branch`, { json });
      else await request("/runs", { json: { ...json, recipe, dataset: data ?? datasets[0].name } });
      onStarted(name);
    } catch (error) {
      showError(error);
      setBusy(false);
    }
  };
  if (datasets && !datasets.length && !branch)
    return html`<${Dialog} title="Train" onClose=${onClose}><${Empty} icon="data" title="No dataset yet">
      <p>A model is trained on a dataset of photos.</p>
      <a class="button primary" href=${pageUrl("/data", { import: 1 })}><${Icon} name="plus" />Import photos</a>
    <//><//>`;
  return html`<${Dialog} title=${branch ? `Branch from ${branch.name}` : "Train"} onClose=${onClose}>
    <form class="training-form" onSubmit=${begin}>
      ${branch
        ? html`<p class="muted">The new run starts from the last checkpoint of ${branch.name}, with any changes you make to the settings here. ${branch.name} itself does not change.</p>`
        : html`<div class="row even">
            <${Select} label="Recipe" value=${recipe} options=${recipes.map((item) => item.name)} onChange=${(to) => (setRecipe(to), setRows(requiredRows(recipes.find((item) => item.name === to))))} />
            ${datasets && html`<${Select} label="Dataset" value=${data ?? datasets[0].name} options=${datasets.map((item) => [item.name, `${item.name} · ${item.count.toLocaleString("en")} images, ${item.size.join("x")} pixels`])} onChange=${setData} />`}
          </div>`}
      ${about && html`<p class="small muted">${about[0].toUpperCase() + about.slice(1)}.</p>`}
      <div class="row even">
        <div class="field"><label for="run-name">Run name</label>
          <input id="run-name" type="text" required maxlength="64" ...${validName} value=${name} onInput=${(event) => setTypedName(event.target.value)} /></div>
        <${NumberInput} label=${branch ? "Additional minutes" : "Minutes"} value=${minutes} low=${1} high=${129600} onChange=${setMinutes} />
      </div>
      <fieldset>
        <legend>Settings</legend>
        <ul class="settings-list">
          ${rows.map((row, at) => html`<${Setting} key=${at} row=${row} settings=${settings} itemNames=${itemNames}
            onChange=${(to) => setRows(rows.with(at, to))} onDrop=${() => setRows(rows.toSpliced(at, 1))} />`)}
        </ul>
        <div><button type="button" class="button" disabled=${!settings.length} onClick=${() => setRows([...rows, { name: branch ? "learning_rate" : "seed", value: "" }])}>
          <${Icon} name="plus" />Change a setting</button></div>
      </fieldset>
      <div class="row spread">
        <p class="small muted" role="status">${busy ? "Starting; this takes a few seconds." : "You can stop and resume the run at any time. It also stops when the studio stops."}</p>
        <button class="button primary" disabled=${busy || !name}>${branch ? "Branch" : "Train"}</button>
      </div>
    </form>
  <//>`;
}
