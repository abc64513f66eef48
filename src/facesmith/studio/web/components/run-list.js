// A list of runs to choose from.
import { html, useMemo, useState } from "../vendor/preact-htm.js";
import { compactCount, small, Status } from "./run-format.js";

const MANY = 8; // beyond, they can be searched

/** `runs` as /runs lists them; `chosen` are names, `onChange` gets the new ones. */
export function RunList({ runs, chosen, onChange, most = 8 }) {
  const [searchText, setSearchText] = useState("");
  const words = searchText.toLowerCase();
  const shown = useMemo(
    () => runs.filter((run) => [run.name, run.recipe, run.dataset].some((text) => text.toLowerCase().includes(words))),
    [runs, words],
  );
  const flip = (name) => onChange(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name].slice(-most));
  return html`<fieldset class="runs">
    <legend>Runs</legend>
    ${runs.length > MANY &&
    html`<input type="search" placeholder="Search" aria-label="Search runs" value=${searchText} onInput=${(event) => setSearchText(event.target.value)} />`}
    <ul>
      ${shown.map(
        (run) => html`<li key=${run.name}><label>
          <input type="checkbox" checked=${chosen.includes(run.name)} onChange=${() => flip(run.name)} />
          ${run.sheet ? html`<img src=${small(run.sheet, 64)} alt="" loading="lazy" width="40" height="40" />` : html`<span class="blank"></span>`}
          <span class="what"><b>${run.name}</b>
            <span class="small muted">${run.recipe} · ${run.dataset}</span>
            <span class="meta number"><${Status} status=${run.status} /> · ${compactCount(run.kimg)} images</span></span>
        </label></li>`,
      )}
    </ul>
    ${!shown.length && html`<p class="small muted">No run matches.</p>`}
  </fieldset>`;
}
