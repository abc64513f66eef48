// Faces of a seed, many at once; sliders move all of them.
import { html, useState } from "../vendor/preact-htm.js";
import { closeDialog, pageUrl, useAddress } from "../shell/address.js";
import { apiUrl, isGenerator, request, useModels } from "../shell/api.js";
import { flag, formatEdit, editField, list, number, optionalNumber, text } from "../shell/query-fields.js";
import { isPhone } from "../shell/screen.js";
import { Icon } from "../shell/icons.js";
import { AiLine } from "../components/ai-line.js";
import { Attributes, knownChanges } from "../components/attribute-sliders.js";
import { MAX_SEED, ModelChoice, NumberInput, randomSeed, Seed, Select, Slider } from "../components/controls.js";
import { FacePanel } from "../components/face-panel.js";
import { parseFaceRef, seedFaceRef } from "../components/face-refs.js";
import { Favourites, useFavourites } from "../components/favourites.js";
import { Empty, Loading } from "../components/feedback.js";
import { columnsFor, useAvailableSize } from "../components/face-grid.js";
import { SaveImage } from "../components/save-image.js";
import { Snippets } from "../components/snippets.js";
import { UndoButtons } from "../components/undo.js";
import { LabelledSet } from "./generate/labelled-set.js";
import { LiveSheet } from "./generate/live-sheet.js";
import { Variations } from "./generate/variations.js";

const MAX_FACES = 64;
const MAX_INDEX = 1e9 - 1; // of a face
const SHEET_SIDE = 2048; // pixels of a saved sheet, at most, if its faces are enlarged
const FIELDS = {
  model: text(),
  beside: text(), // another model, for comparison
  seed: number(7, 0, MAX_SEED),
  // Phones show fewer faces. The address of a changed page contains the count, so that it shows the same everywhere.
  count: { ...number(isPhone() ? 20 : 40, 1, MAX_FACES), write: (value) => [String(value)] },
  truncation: number(1, 0, 2, false),
  set: editField(),
  like: text(), // the face to vary
  spread: number(30, 0, 100),
  lock: list(), // attributes that variations keep
  face: optionalNumber(0, MAX_INDEX),
  labelled: flag(), // the dialog for labelled sets
  ask: list(), // what its faces have
};

export default function Generate() {
  const models = useModels(isGenerator);
  const [state, change] = useAddress(FIELDS);
  if (!models) return html`<h1 class="visually-hidden">Generate</h1><${Loading} />`;
  if (!models.length) {
    return html`<h1 class="visually-hidden">Generate</h1><${Empty} icon="faces" title="No models yet">
      <p>Start the studio in a folder that contains models or runs, or pass a model: <code>facesmith studio drawn128</code>. Runs in
        progress are on the <a href=${pageUrl("/watch")}>Watch</a> page.</p>
    <//>`;
  }
  return html`<${Faces} models=${models} state=${state} change=${change} />`;
}

/** The fields of the address that shows a kept face. */
function addressOf({ model, face, set }) {
  const { seed, index, truncation, mixes } = parseFaceRef(face);
  const [, like, variation, place, spread, locked] = /^(.*)~(\d+):(\d+):(\d+)((?:@\w+)*)$/.exec(mixes ? face : "") ?? [];
  return like
    ? { model, set, like, seed: Number(variation), face: Number(place), spread: Number(spread), lock: locked.split("@").slice(1) }
    : { model, set, like: "", lock: [], seed: Number(seed), face: Number(index), truncation: Number(truncation) };
}

function Faces({ models, state, change }) {
  const model = models.find((item) => item.name === state.model) ?? models[0];
  const second = models.find((item) => item.name === state.beside && item !== model);
  const { seed, count, truncation } = state;
  const changes = knownChanges(model, state.set);
  const like = parseFaceRef(state.like)?.seed ? state.like : "";
  const lock = state.lock.filter((name) => model.attributes.includes(name));
  const [stage, space] = useAvailableSize();
  const [, , flipFavourite] = useFavourites();
  const [many, setMany] = useState(1000); // faces of a zip

  const phone = isPhone();
  const beside = second && !phone ? 2 : 1; // sheets in a row
  const room = space && [space[0] / beside - (beside - 1) * 8, (phone ? space[1] * 0.52 : space[1] - 150) / (second && phone ? 2 : 1)];
  const queryOf = (of) => ({
    model: of.name,
    digest: of.digest.slice(0, 16),
    seed,
    count,
    truncation: like ? null : truncation,
    set: formatEdit(knownChanges(of, changes)),
    like,
    ...(like ? { spread: state.spread, lock: lock.filter((name) => of.attributes.includes(name)) } : {}),
  });
  const query = queryOf(model);
  const { columns } = room ? columnsFor(count, model.size, room) : {};
  const reference = (index) =>
    like ? `${like}~${seed}:${index}:${state.spread}${lock.map((name) => `@${name}`).join("")}` : seedFaceRef(seed, index, truncation);
  const title = (index) => (like ? `Variation ${index} of seed ${seed}` : `Face ${index} of seed ${seed}`);
  const { digest, ...plain } = query;
  const sheetQuery = { ...plain, columns, caption: true };
  const largest = columns ? Math.max(1, Math.min(4, Math.floor(SHEET_SIDE / (columns * model.size[0])))) : 1;
  const shown = { model: model.name, count }; // so that a shared address shows the same on another device, and later
  const open = (index) => change({ face: index, ...shown }, { push: "dialog" });
  const face = state.face; // not always among those shown: an address may come from a larger window
  return html`<div class="two">
    <div class="stage" ref=${stage}>
      <div class="sheets-in-row" data-count=${second ? 2 : 1}>
        ${[model, ...(second ? [second] : [])].map(
          (item) => html`<figure key=${item.name}>
            ${room && html`<${LiveSheet} model=${item} query=${queryOf(item)} room=${room} title=${(index) => title(index) + (item === second ? `, by ${item.name}` : "")} onPick=${item === model ? open : (index) => change({ model: item.name, beside: model.name, face: index, count }, { push: "dialog" })}
              label="${like ? "Variations" : "Generated faces"}, seed ${seed}${item === second ? `, by ${item.name}` : ""}" />`}
            ${second && html`<figcaption class="small muted">${item.name}</figcaption>`}
          </figure>`,
        )}
      </div>
      <${AiLine} />
    </div>
    <div class="side" role="region" aria-label="Settings">
      <h1 class="visually-hidden">Generate</h1>
      <${UndoButtons} />
      <${ModelChoice} models=${models} value=${model.name} onChange=${(name) => change({ model: name })} />
      <${Seed} value=${seed} onChange=${(seed, how) => change({ seed, ...shown }, how)} />
      <button class="button" onClick=${() => change({ seed: randomSeed(), face: 0, ...shown, like: "" }, { push: "dialog" })}><${Icon} name="dice" /> One random face</button>
      <${Slider} label="Faces" value=${count} low=${1} high=${MAX_FACES} step=${1}
        onInput=${(value) => change({ count: value })} />
      ${
        like
          ? html`<${Variations} model=${model} like=${like} set=${changes} spread=${state.spread} lock=${lock}
              onChange=${change} onClose=${() => change({ like: "", lock: [], spread: 30 }, { push: true })} />`
          : html`<${Slider} label="Truncation" value=${truncation} high=${2} step=${0.05} ends=${["more typical", "more varied"]}
              onInput=${(value) => change({ truncation: value })} format=${(value) => (value === 1 ? "1, as in training" : +value.toFixed(2))}
              hint="Scales the random numbers that a face is made from. Below 1, faces are more typical and have fewer defects; above 1, they are more varied and have more defects." />`
      }
      <hr />
      <${Attributes} attributes=${model.attributes} value=${changes} onChange=${(set) => change({ set })} title="Edit all faces" />
      <hr />
      <section class="field" aria-label="Save">
        <h2>Save these faces</h2>
        ${
          columns &&
          html`<${SaveImage} size=${[columns * model.size[0], Math.ceil(count / columns) * model.size[1]]} scales=${[...new Set([1, largest])]}
            load=${(scale) => request("/generate", { query: { ...sheetQuery, scale, resample: "lanczos", format: "png" }, as: "blob" })}
            name=${() => `${model.name}-${seed}-sheet.png`} />
          <${Snippets} path="/generate" query=${sheetQuery} file="sheet.png" />`
        }
        <${NumberInput} label="Download many faces with labels" value=${many} low=${1} high=${10_000} onChange=${setMany}>
          <a class="button" download href=${apiUrl("/generate", { ...plain, count: many, format: "zip" })}><${Icon} name="download" /> Zip</a>
        <//>
        <p class="small muted">The zip contains faces 0, 1, 2 and so on of this seed, edited with the current slider settings, as PNG files with metadata.</p>
        <button class="button" onClick=${() => change({ labelled: true }, { push: "dialog" })}>Labelled set</button>
      </section>
      <hr />
      <${Select} label="Compare with" value=${second?.name ?? ""} onChange=${(beside) => change({ beside })}
        options=${[["", "no other model"], ...models.filter((item) => item !== model).map((item) => [item.name, item.name])]} />
    </div>
    <div class="below">
      <${Favourites} models=${models} onPick=${(item) => change({ ...addressOf(item), count }, { push: "dialog" })} onRemove=${flipFavourite} />
    </div>
    ${
      face !== null &&
      html`<${FacePanel} model=${model} query=${plain} title=${title(face)} index=${face} last=${MAX_INDEX}
      changes=${changes} reference=${reference(face)}
      onMove=${(index) => change({ face: index })} onRandom=${() => change({ seed: randomSeed(), face: 0, like: "", lock: [] }, { push: true })}
      onVary=${() => change({ like: reference(face), face: null, truncation: 1 }, { push: true })}
      onClose=${() => closeDialog(() => change({ face: null }, { push: true }))} />`
    }
    ${
      state.labelled &&
      html`<${LabelledSet} model=${model} seed=${seed} truncation=${truncation} ask=${state.ask} onAsk=${(ask) => change({ ask })}
        onClose=${() => closeDialog(() => change({ labelled: false }, { push: true }))} />`
    }
  </div>`;
}
