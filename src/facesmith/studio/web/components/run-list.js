// A list of runs to choose from.
import { html, useMemo, useState } from "../vendor/preact-htm.js";
import { compactCount, sheetJpegUrl, Status } from "./run-format.js";

const MANY = 8; // beyond, they can be searched

/** `runs` as /runs lists them; `selected` are names, `onChange` gets the new ones. */
export function RunList({ runs, selected, onChange, maxSelected }) {
  const [searchText, setSearchText] = useState("");
  const query = searchText.toLowerCase();
  const matches = useMemo(
    () => runs.filter((run) => [run.name, run.recipe, run.dataset].some((text) => text.toLowerCase().includes(query))),
    [runs, query],
  );
  const flip = (name) => onChange(selected.includes(name) ? selected.filter((item) => item !== name) : [...selected, name].slice(-maxSelected));
  return html`<fieldset class="runs">
    <legend>Runs</legend>
    ${runs.length > MANY &&
    html`<input type="search" placeholder="Search" aria-label="Search runs" value=${searchText} onInput=${(event) => setSearchText(event.target.value)} />`}
    <ul>
      ${matches.map(
        (run) => html`<li key=${run.name}><label>
          <input type="checkbox" checked=${selected.includes(run.name)} onChange=${() => flip(run.name)} />
          ${run.sheet ? html`<img src=${sheetJpegUrl(run.sheet, 64)} alt="" loading="lazy" width="40" height="40" />` : html`<span class="blank"></span>`}
          <span class="what"><b>${run.name}</b>
            <span class="small muted">${run.recipe} · ${run.dataset}</span>
            <span class="meta number"><${Status} status=${run.status} /> · ${compactCount(run.kimg)} images</span></span>
        </label></li>`,
      )}
    </ul>
    ${!matches.length && html`<p class="small muted">No matching runs.</p>`}
  </fieldset>`;
}
