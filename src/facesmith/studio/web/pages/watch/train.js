// A training to begin: a new one, or one that branches off a run.
import { html, useState } from "../../vendor/preact-htm.js";
import { ask, useLoad, useModels } from "../../shell/api.js";
import { say } from "../../shell/toasts.js";
import { Icon } from "../../shell/icons.js";
import { Choice, Whole } from "../../parts/controls.js";
import { Dialog } from "../../parts/dialog.js";
import { Empty } from "../../parts/states.js";

/** What is typed, as the setting's own kind: 0.5 is a number, true a yes, anything else a text. */
function typed(text) {
  const words = text.trim();
  if (["true", "false", "none"].includes(words.toLowerCase())) return { true: true, false: false, none: null }[words.toLowerCase()];
  return words !== "" && Number.isFinite(Number(words)) ? Number(words) : words;
}

/** What recipes need to be told before they can begin. */
const NEEDED = { encoder: "model", makeover: "directions" };
const needed = (recipe) => (NEEDED[recipe.task] ? [{ name: NEEDED[recipe.task], value: "" }] : []);

function Setting({ row, settings, things, onChange, onDrop }) {
  const setting = settings.find((one) => one.name === row.name) ?? settings[0];
  const choices = setting.given ? ["", ...things[setting.given]] : setting.choices;
  const label = `Value of ${setting.name}`;
  return html`<li>
    <div class="with">
      <select aria-label="Setting" value=${setting.name} onChange=${(event) => onChange({ name: event.target.value, value: "" })}>
        ${settings.map((one) => html`<option key=${one.name} value=${one.name} selected=${one.name === setting.name}>${one.name}</option>`)}
      </select>
      ${choices.length
        ? html`<select aria-label=${label} onChange=${(event) => onChange({ ...row, value: event.target.value })}>
            ${choices.map((one) => html`<option key=${one} value=${one} selected=${one === (row.value || setting.value)}>${one || "none"}</option>`)}
          </select>`
        : html`<input type="text" aria-label=${label} value=${row.value} placeholder=${String(setting.value)}
            onInput=${(event) => onChange({ ...row, value: event.target.value })} />`}
      <button type="button" class="plain" aria-label=${`Leave ${setting.name} as it is`} onClick=${onDrop}><${Icon} name="close" /></button>
    </div>
    <p class="small quiet">${setting.about}</p>
  </li>`;
}

export function Train({ branch, recipes, onClose, onBegun }) {
  const { value: datasets } = useLoad((signal) => ask("/datasets", { signal }), []);
  const [recipe, cook] = useState(branch?.info.recipe ?? recipes[0].name);
  const { value: whole } = useLoad((signal) => ask(`/training/${encodeURIComponent(recipe)}`, { signal }), [recipe]);
  const models = useModels() ?? [];
  const { value: runs } = useLoad((signal) => ask("/runs", { signal }), []);
  const named = (kind) => models.filter((one) => one.kind === kind).map((one) => one.name);
  const things = { generator: named("generator"), judge: named("judge"), run: runs?.map((one) => one.name) ?? [] };
  const [name, call] = useState(branch ? `${branch.name}-branch` : "");
  const [data, take] = useState(null);
  const [minutes, last] = useState(10);
  const [rows, put] = useState([]);
  const [busy, set] = useState(false);
  const about = recipes.find((one) => one.name === recipe)?.about;
  const settings = whole?.settings.filter((one) => one.name !== "kimg") ?? [];
  const begin = async (event) => {
    event.preventDefault();
    set(true);
    const kept = rows.filter((row) => row.value !== "").map((row) => [row.name, typed(row.value)]);
    const json = { name, minutes, settings: Object.fromEntries(kept) };
    try {
      if (branch) await ask(`/runs/${branch.name}/branch`, { json });
      else await ask("/runs", { json: { ...json, recipe, dataset: data ?? datasets[0].name } });
      onBegun(name);
    } catch (error) {
      say(error);
      set(false);
    }
  };
  if (datasets && !datasets.length && !branch)
    return html`<${Dialog} title="Train" onClose=${onClose}><${Empty} icon="data" title="There is no dataset to train on">
      <p>Make one with <code>facesmith data import ~/photos faces --size 64</code></p>
    <//><//>`;
  return html`<${Dialog} title=${branch ? `Branch off ${branch.name}` : "Train"} onClose=${onClose}>
    <form class="train" onSubmit=${begin}>
      ${branch
        ? html`<p class="quiet">A new run goes on from its last checkpoint, with what you change here. ${branch.name} itself stays as it is.</p>`
        : html`<div class="row even">
            <${Choice} label="Recipe" value=${recipe} options=${recipes.map((one) => one.name)} onChange=${(to) => (cook(to), put(needed(recipes.find((one) => one.name === to))))} />
            ${datasets && html`<${Choice} label="Dataset" value=${data ?? datasets[0].name} options=${datasets.map((one) => [one.name, `${one.name} · ${one.count.toLocaleString("en")} of ${one.size.join("x")}`])} onChange=${take} />`}
          </div>`}
      ${about && html`<p class="small quiet">${about[0].toUpperCase() + about.slice(1)}.</p>`}
      <div class="row even">
        <div class="field"><label for="run-name">Name of the run</label>
          <input id="run-name" type="text" required pattern="[A-Za-z0-9][A-Za-z0-9._\\-]*" maxlength="64" autocomplete="off" spellcheck="false"
            title="Letters, digits, dots, lines" value=${name} onInput=${(event) => call(event.target.value)} /></div>
        <${Whole} label=${branch ? "Minutes, with those before" : "Minutes"} value=${minutes} low=${1} high=${129600} onChange=${last} />
      </div>
      <fieldset>
        <legend>Changed settings</legend>
        <ul class="changed">
          ${rows.map((row, at) => html`<${Setting} key=${at} row=${row} settings=${settings} things=${things}
            onChange=${(to) => put(rows.with(at, to))} onDrop=${() => put(rows.toSpliced(at, 1))} />`)}
        </ul>
        <div><button type="button" class="button" disabled=${!settings.length} onClick=${() => put([...rows, { name: branch ? "learning_rate" : "seed", value: "" }])}>
          <${Icon} name="plus" />Change a setting</button></div>
      </fieldset>
      <div class="row spread">
        <p class="small quiet" role="status">${busy ? "It begins: this takes some seconds." : "It is stopped from here, or when the studio ends; it can always go on."}</p>
        <button class="button primary" disabled=${busy || !name}>${branch ? "Branch" : "Train"}</button>
      </div>
    </form>
  <//>`;
}
