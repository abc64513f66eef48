// Faces of a seed, many at once; sliders move all of them.
import { html, useLayoutEffect, useState } from "../vendor/preact-htm.js";
import { useAddress } from "../shell/address.js";
import { ask, at, isGenerator, useModels } from "../shell/api.js";
import { maybe, number, setWords, strengths, text } from "../shell/fields.js";
import { Icon } from "../shell/icons.js";
import { Attributes } from "../parts/attributes.js";
import { LARGEST_SEED, ModelChoice, Seed, Slider, Whole } from "../parts/controls.js";
import { FacePanel } from "../parts/face-panel.js";
import { bitmapOf, seedFace } from "../parts/faces.js";
import { useNewest } from "../parts/newest.js";
import { Empty, Waiting } from "../parts/states.js";
import { columnsFor, useSpace, Wall } from "../parts/wall.js";

const MOST = 64;
const PHONE = 860; // pixels, as in the styles
const FIELDS = {
  model: text(),
  seed: number(7, 0, LARGEST_SEED),
  // Fewer faces fit a phone; the address says how many there were, so that it shows the same everywhere.
  count: { ...number(innerWidth < PHONE ? 20 : MOST, 1, MOST), write: (value) => [String(value)] },
  truncation: number(1, 0, 2, false),
  set: strengths(),
  face: maybe(0, MOST - 1),
};

export default function Generate() {
  const models = useModels(isGenerator);
  const [state, change] = useAddress(FIELDS);
  if (!models) return html`<h1 class="unseen">Generate</h1><${Waiting} />`;
  if (!models.length) {
    return html`<h1 class="unseen">Generate</h1><${Empty} icon="faces" title="No model is here yet">
      <p>Start the studio where there are models or runs, or name one: <code>facesmith studio drawn64</code>. Runs in
        progress are shown at <a href="/watch">Watch</a>.</p>
    <//>`;
  }
  return html`<${Faces} models=${models} state=${state} change=${change} />`;
}

function Faces({ models, state, change }) {
  const model = models.find((one) => one.name === state.model) ?? models[0];
  const { seed, count, truncation } = state;
  const known = Object.entries(state.set).filter(([name]) => model.attributes.includes(name));
  const changes = Object.fromEntries(known);
  const [stage, space] = useSpace();
  const [shown, show] = useState({});

  const phone = innerWidth < PHONE;
  const room = space && [space[0], phone ? space[1] * 0.52 : space[1] - 112];
  const { columns, cell } = room ? columnsFor(count, model.size, room) : {};
  const asked = {
    model: model.name,
    digest: model.digest.slice(0, 16),
    seed,
    count,
    truncation,
    set: setWords(changes),
  };
  const sheet = columns && at("/generate", { ...asked, columns, format: "jpeg" });

  const wish = useNewest(
    async (wanted, signal) => {
      const answer = await ask("/generate", {
        query: { ...wanted.asked, columns: wanted.columns, format: "jpeg" },
        signal,
        as: "blob",
      });
      const bitmap = await bitmapOf(answer);
      show((old) => (old.bitmap?.close(), { ...wanted, bitmap })); // they are large, and come many times a second
    },
    (one, other) =>
      one.model === other.model && one.asked.seed === other.asked.seed && one.asked.count === other.asked.count,
  );
  useLayoutEffect(() => {
    // An effect would wait for the next frame, which a slider has no time for.
    if (sheet) wish({ sheet, asked, columns, cell, model });
  }, [sheet]);

  const face = state.face !== null && state.face < count ? state.face : null;
  return html`<div class="two">
    <div class="stage" ref=${stage}>
      ${
        shown.bitmap &&
        html`<${Wall} bitmap=${shown.bitmap} of=${shown.sheet} count=${shown.asked.count} columns=${shown.columns}
        shape=${shown.model.size} width=${Math.floor(shown.columns * shown.model.size[0] * shown.cell)}
          busy=${shown.sheet !== sheet}
        label="Faces of seed ${shown.asked.seed}" name=${(index) => `Face ${index} of seed ${shown.asked.seed}`}
        onPick=${(index) => change({ face: index }, { push: true })} />`
      }
    </div>
    <div class="side" role="region" aria-label="What to make">
      <h1 class="unseen">Generate</h1>
      <${ModelChoice} models=${models} value=${model.name} onChange=${(name) => change({ model: name })} />
      <${Seed} value=${seed} onChange=${(value) => change({ seed: value })} />
      <${Slider} label="Faces" value=${count} low=${1} high=${MOST} step=${1}
        onInput=${(value) => change({ count: value })} />
      <${Slider} label="Truncation" value=${truncation} high=${2} step=${0.05}
        onInput=${(value) => change({ truncation: value })} words=${variety} />
      <hr />
      ${
        model.attributes.length > 0
          ? html`<${Attributes} attributes=${model.attributes} value=${changes} onChange=${(set) => change({ set })}
            title="Change all" />`
          : html`<p class="small quiet">This model has no sliders: it came without attribute directions,
            which <code>facesmith directions</code> finds.</p>`
      }
      <hr />
      <${Batch} asked=${asked} />
    </div>
    ${
      face !== null &&
      html`<${FacePanel} model=${model} seed=${seed} index=${face} count=${count} truncation=${truncation}
      changes=${changes} reference=${seedFace(seed, face, truncation)}
      onMove=${(index) => change({ face: index })} onClose=${() => change({ face: null })} />`
    }
  </div>`;
}

const variety = (value) =>
  value === 1 ? "as learned" : value < 1 ? `${+value.toFixed(2)} · calmer` : `${+value.toFixed(2)} · wilder`;

/** Many faces at once as files, labelled, as a dataset for something else. */
function Batch({ asked }) {
  const [count, set] = useState(1000);
  const { digest, columns, ...rest } = asked;
  return html`<section class="field" aria-label="Download">
    <${Whole} label="Download a batch, with labels" value=${count} low=${1} high=${10_000} onChange=${set}>
      <a class="button" download href=${at("/generate", { ...rest, count, format: "zip" })}>
        <${Icon} name="download" /> Zip</a>
    <//>
    <p class="small quiet">PNGs from face 0 of this seed, as the sliders stand, and a manifest.</p>
  </section>`;
}
