// The nearest training faces, which show whether a model has memorized a face.
import { html, useEffect, useState } from "../vendor/preact-htm.js";
import { request, useLoad } from "../shell/api.js";
import { showError } from "../shell/toasts.js";
import { Select } from "./controls.js";
import { Progress } from "./feedback.js";

/** `face()` returns the reference; `searched` is the dataset being searched, a state of the parent. */
export function Neighbours({ model, face, searched, onSearch }) {
  const { value } = useLoad((signal) => request("/datasets", { signal }), [], { quiet: true });
  // Datasets with images of the model's size; its training dataset comes first.
  const isOfModel = (item) => model.about.endsWith(` ${item.title}`);
  const datasets = value?.filter((item) => item.size.join() === model.size.join()).sort((a, b) => isOfModel(b) - isOfModel(a));
  const [neighbours, setNeighbours] = useState(null);
  const [selected, setSelected] = useState(null);
  useEffect(() => {
    if (!searched) return;
    const control = new AbortController();
    setNeighbours("looking");
    findNeighbours(model.name, searched, face, control.signal).then(
      setNeighbours,
      (error) => control.signal.aborted || (setNeighbours(null), onSearch(null), showError(error)),
    );
    return () => control.abort();
  }, [searched]);
  if (!datasets?.length) return null;
  const names = datasets.map((item) => item.name);
  return html`<section class="neighbours" aria-label="Nearest faces in a dataset">
    <h3>Nearest faces in a dataset</h3>
    <div class="with">
      <${Select} label="Dataset" value=${selected ?? names[0]} options=${names} onChange=${setSelected} />
      <button class="button" disabled=${neighbours === "looking"} onClick=${() => onSearch(selected ?? names[0])}>Search</button>
    </div>
    ${neighbours === "looking" && html`<${Progress} label="Searching (the first search encodes all faces)" />`}
    ${
      Array.isArray(neighbours) &&
      html`<ol>${neighbours.map(
        (item) => html`<li key=${item.row}>
      <img class="face" src=${item.picture} alt="Face ${item.row} of the dataset" title=${item.file} />
      <span class="small muted number">distance ${item.distance.toFixed(2)}</span>
    </li>`,
      )}</ol>`
    }
  </section>`;
}

async function findNeighbours(model, dataset, face, signal) {
  const json = { model, dataset, face: await face(), count: 8 };
  return (await request("/neighbours", { json, signal })).neighbours;
}
