// The training faces that are closest to a face: whether a model made someone up, or remembered them.
import { html, useEffect, useState } from "../vendor/preact-htm.js";
import { ask, useLoad } from "../shell/api.js";
import { say } from "../shell/toasts.js";
import { Choice } from "./controls.js";
import { Progress } from "./states.js";

/** `face()` gives the reference; `sought` is the dataset that is looked through, kept by whoever shows this. */
export function Neighbours({ model, face, sought, onSeek }) {
  const { value } = useLoad((signal) => ask("/datasets", { signal }), [], { quiet: true });
  // Those that the model can see, and first of them the one it has learned from.
  const own = (one) => model.about.endsWith(` of ${one.title}`);
  const datasets = value?.filter((one) => one.size.join() === model.size.join()).sort((a, b) => own(b) - own(a));
  const [found, set] = useState(null);
  const [chosen, choose] = useState(null);
  useEffect(() => {
    if (!sought) return;
    const control = new AbortController();
    set("looking");
    look(model.name, sought, face, control.signal).then(
      set,
      (error) => control.signal.aborted || (set(null), onSeek(null), say(error)),
    );
    return () => control.abort();
  }, [sought]);
  if (!datasets?.length) return null;
  const names = datasets.map((one) => one.name);
  return html`<section class="neighbours" aria-label="Neighbours among the training faces">
    <h3>Neighbours among training faces</h3>
    <div class="with">
      <${Choice} label="Dataset" value=${chosen ?? names[0]} options=${names} onChange=${choose} />
      <button class="button" disabled=${found === "looking"} onClick=${() => onSeek(chosen ?? names[0])}>Look</button>
    </div>
    ${found === "looking" && html`<${Progress} label="Looking; the first time all of its faces are encoded" />`}
    ${
      Array.isArray(found) &&
      html`<ol>${found.map(
        (one) => html`<li key=${one.row}>
      <img class="face" src=${one.picture} alt="Training face ${one.row}" title=${one.file} />
      <span class="small quiet number">${one.distance.toFixed(2)}</span>
    </li>`,
      )}</ol>`
    }
  </section>`;
}

async function look(model, dataset, face, signal) {
  const json = { model, dataset, face: await face(), count: 8 };
  for (;;) {
    try {
      return (await ask("/neighbours", { json, signal })).neighbours;
    } catch (error) {
      if (error.status !== 503 || !error.after) throw error; // 503: being computed
      await new Promise((done) => setTimeout(done, 1000 * error.after));
    }
  }
}
