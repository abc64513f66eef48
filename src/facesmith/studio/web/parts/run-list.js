// The runs there are, to choose some of them.
import { html, useMemo, useState } from "../vendor/preact-htm.js";
import { roughly, small, Status } from "./run-words.js";

const MANY = 8; // beyond, they can be searched

/** `runs` as /runs lists them; `chosen` are names, `onChange` gets the new ones. */
export function RunList({ runs, chosen, onChange, most = 8 }) {
  const [sought, seek] = useState("");
  const words = sought.toLowerCase();
  const shown = useMemo(
    () => runs.filter((run) => [run.name, run.recipe, run.dataset].some((text) => text.toLowerCase().includes(words))),
    [runs, words],
  );
  const flip = (name) => onChange(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name].slice(-most));
  return html`<fieldset class="runs">
    <legend>Runs</legend>
    ${runs.length > MANY &&
    html`<input type="search" placeholder="Search" aria-label="Search runs" value=${sought} onInput=${(event) => seek(event.target.value)} />`}
    <ul>
      ${shown.map(
        (run) => html`<li key=${run.name}><label>
          <input type="checkbox" checked=${chosen.includes(run.name)} onChange=${() => flip(run.name)} />
          ${run.sheet ? html`<img src=${small(run.sheet, 64)} alt="" loading="lazy" width="40" height="40" />` : html`<span class="blank"></span>`}
          <span class="what"><b>${run.name}</b>
            <span class="small quiet">${run.recipe} · ${run.dataset}</span>
            <span class="meta number"><${Status} status=${run.status} /> · ${roughly(run.kimg)} images</span></span>
        </label></li>`,
      )}
    </ul>
    ${!shown.length && html`<p class="small quiet">No run is called so.</p>`}
  </fieldset>`;
}
