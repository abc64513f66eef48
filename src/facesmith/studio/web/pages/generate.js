// Faces of a seed, many at once; sliders move all of them.
import { html, useLayoutEffect, useState } from "../vendor/preact-htm.js";
import { closeDialog, pageUrl, useAddress } from "../shell/address.js";
import { request, apiUrl, isGenerator, useModels } from "../shell/api.js";
import { optionalNumber, number, formatEdit, editField, text } from "../shell/query-fields.js";
import { Icon } from "../shell/icons.js";
import { Attributes } from "../components/attribute-sliders.js";
import { MAX_SEED, ModelChoice, Seed, Slider, NumberInput } from "../components/controls.js";
import { FacePanel } from "../components/face-panel.js";
import { decodeBitmap, seedFaceRef } from "../components/face-refs.js";
import { useLatestRequest } from "../components/latest-request.js";
import { Empty, Loading } from "../components/feedback.js";
import { columnsFor, useElementSize, FaceGrid } from "../components/face-grid.js";

const MOST = 64;
const MAX_INDEX = 1e9 - 1; // of a face
const PHONE = 860; // pixels, as in the styles
const FIELDS = {
  model: text(),
  seed: number(7, 0, MAX_SEED),
  // Phones show fewer faces. The address of a changed page contains the count, so that it shows the same everywhere.
  count: { ...number(innerWidth < PHONE ? 20 : MOST, 1, MOST), write: (value) => [String(value)] },
  truncation: number(1, 0, 2, false),
  set: editField(),
  face: optionalNumber(0, MAX_INDEX),
};

export default function Generate() {
  const models = useModels(isGenerator);
  const [state, change] = useAddress(FIELDS);
  if (!models) return html`<h1 class="visually-hidden">Generate</h1><${Loading} />`;
  if (!models.length) {
    return html`<h1 class="visually-hidden">Generate</h1><${Empty} icon="faces" title="No models yet">
      <p>Start the studio in a folder that contains models or runs, or pass one: <code>facesmith studio drawn64</code>. Runs in
        progress are on the <a href=${pageUrl("/watch")}>Watch</a> page.</p>
    <//>`;
  }
  return html`<${Faces} models=${models} state=${state} change=${change} />`;
}

function Faces({ models, state, change }) {
  const model = models.find((item) => item.name === state.model) ?? models[0];
  const { seed, count, truncation } = state;
  const entries = Object.entries(state.set).filter(([name]) => model.attributes.includes(name));
  const changes = Object.fromEntries(entries);
  const [stage, space] = useElementSize();
  const [view, show] = useState({});

  const phone = innerWidth < PHONE;
  const room = space && [space[0], phone ? space[1] * 0.52 : space[1] - 112];
  const { columns, cell } = room ? columnsFor(count, model.size, room) : {};
  const query = {
    model: model.name,
    digest: model.digest.slice(0, 16),
    seed,
    count,
    truncation,
    set: formatEdit(changes),
  };
  const sheet = columns && apiUrl("/generate", { ...query, columns, format: "jpeg" });

  const sendLatest = useLatestRequest(
    async (target, signal) => {
      const response = await request("/generate", {
        query: { ...target.query, columns: target.columns, format: "jpeg" },
        signal,
        as: "blob",
      });
      const bitmap = await decodeBitmap(response);
      show((old) => (old.bitmap?.close(), { ...target, bitmap })); // bitmaps are large, and arrive many times a second
    },
    (item, next) =>
      item.model === next.model && item.query.seed === next.query.seed && item.query.count === next.query.count,
  );
  useLayoutEffect(() => {
    // An effect would wait for the next frame, which a slider has no time for.
    if (sheet) sendLatest({ sheet, query, columns, cell, model });
  }, [sheet]);

  const face = state.face; // not always among those shown: an address may come from a larger window
  return html`<div class="two">
    <div class="stage" ref=${stage}>
      ${
        view.bitmap &&
        html`<${FaceGrid} bitmap=${view.bitmap} of=${view.sheet} count=${view.query.count} columns=${view.columns}
        shape=${view.model.size} width=${Math.floor(view.columns * view.model.size[0] * view.cell)}
          busy=${view.sheet !== sheet}
        label="Generated faces, seed ${view.query.seed}" name=${(index) => `Face ${index} of seed ${view.query.seed}`}
        onPick=${(index) => change({ face: index, count }, { push: "dialog" })} />`
      }
    </div>
    <div class="side" role="region" aria-label="Settings">
      <h1 class="visually-hidden">Generate</h1>
      <${ModelChoice} models=${models} value=${model.name} onChange=${(name) => change({ model: name })} />
      <${Seed} value=${seed} onChange=${(seed, how) => change({ seed, count }, how)} />
      <${Slider} label="Faces" value=${count} low=${1} high=${MOST} step=${1}
        onInput=${(value) => change({ count: value })} />
      <${Slider} label="Truncation" value=${truncation} high=${2} step=${0.05}
        onInput=${(value) => change({ truncation: value })} format=${variety} />
      <hr />
      ${
        model.attributes.length > 0
          ? html`<${Attributes} attributes=${model.attributes} value=${changes} onChange=${(set) => change({ set })}
            title="Edit all faces" />`
          : html`<p class="small muted">This model has no sliders because it has no attribute directions. Add them with
            <code>facesmith directions</code>.</p>`
      }
      <hr />
      <${BatchDownload} query=${query} />
    </div>
    ${
      face !== null &&
      html`<${FacePanel} model=${model} seed=${seed} index=${face} last=${MAX_INDEX} truncation=${truncation}
      changes=${changes} reference=${seedFaceRef(seed, face, truncation)}
      onMove=${(index) => change({ face: index })} onClose=${() => closeDialog(() => change({ face: null }, { push: true }))} />`
    }
  </div>`;
}

const variety = (value) =>
  value === 1 ? "as trained" : value < 1 ? `${+value.toFixed(2)} · less varied` : `${+value.toFixed(2)} · more varied`;

/** Many faces at once as files, labelled, as a dataset for something else. */
function BatchDownload({ query }) {
  const [count, set] = useState(1000);
  const { digest, columns, ...rest } = query;
  return html`<section class="field" aria-label="Download">
    <${NumberInput} label="Download many faces with labels" value=${count} low=${1} high=${10_000} onChange=${set}>
      <a class="button" download href=${apiUrl("/generate", { ...rest, count, format: "zip" })}>
        <${Icon} name="download" /> Zip</a>
    <//>
    <p class="small muted">A zip of PNG files and a manifest: faces 0 and up of this seed, with the current slider settings.</p>
  </section>`;
}
