// A person's face as a model sees it, and what it makes of it when attributes are changed.
import { html } from "../vendor/preact-htm.js";
import { useAddress } from "../shell/address.js";
import { useModels } from "../shell/api.js";
import { choice, list, strengths, text } from "../shell/fields.js";
import { Icon } from "../shell/icons.js";
import { Attributes } from "../parts/attributes.js";
import { anySeed, ModelChoice } from "../parts/controls.js";
import { parsed } from "../parts/faces.js";
import { PhotoFaces } from "../parts/photo-faces.js";
import { PhotoInput } from "../parts/photo-input.js";
import { photoWith, usePhotos } from "../parts/photos.js";
import { Empty, Waiting } from "../parts/states.js";
import { EditTable } from "./photo/edit-table.js";
import { Known, useKnown } from "./photo/known.js";
import { Portrait } from "./photo/portrait.js";
import { Refine } from "./photo/refine.js";

const PHONE = 860; // pixels, as in the styles: there is little room beside a picture
const FIELDS = {
  model: text(),
  face: text(), // as it was found, or "seed:7"
  refined: text(), // the same face after refining
  view: choice(innerWidth < PHONE ? "line" : "side", ["line", "side"]),
  set: strengths(),
  row: list(), // of the table of edits
};

export default function Photo() {
  const models = useModels((model) => model.kind === "generator" && model.encoder);
  const [state, change] = useAddress(FIELDS);
  if (!models) return html`<h1 class="unseen">Photo</h1><${Waiting} />`;
  if (!models.length) {
    return html`<h1 class="unseen">Photo</h1><${Empty} icon="photo" title="No model here takes photos">
      <p>A model needs an encoder for that. <code>facesmith train encoder</code> makes one for any model; the models
        that come with facesmith have one.</p>
    <//>`;
  }
  return html`<${Chosen} models=${models} state=${state} change=${change} />`;
}

function Chosen({ models, state, change }) {
  const photos = usePhotos();
  // A person's photo asks for a model of people: one that was made from photos, where there is any.
  const model =
    models.find((one) => one.name === state.model) ??
    models.find((one) => /celeba|photo/i.test(one.name + one.about)) ??
    models[0];
  const face = parsed(state.face) ? state.face : "";
  const photo = photoWith(face);
  const changes = Object.fromEntries(Object.entries(state.set).filter(([name]) => model.attributes.includes(name)));
  const pick = (one) => change({ face: one, refined: "" }, { push: true });
  const brought = (one) => pick(one.faces[0]?.face ?? one.whole);
  const used = (parsed(state.refined) && state.refined) || face;
  const { encoded, told } = useKnown(model, used, () => change({ face: "", refined: "" }));
  if (!face) {
    return html`<h1 class="unseen">Photo</h1><div class="welcome">
      <${PhotoInput} large model=${model.name} onBrought=${brought}>
        <button class="button" onClick=${() => pick(`seed:${anySeed()}`)}><${Icon} name="dice" /> A made-up
          face</button>
      <//>
      ${
        photos.length > 0 &&
        html`<div class="former">${photos.map(
          (one) => html`<button key=${one.photo} class="button" onClick=${() => brought(one)}>
        <img src=${one.url} alt="A photo you brought before" /></button>`,
        )}</div>`
      }
      <${ModelChoice} models=${models} value=${model.name} onChange=${(name) => change({ model: name })} />
    </div>`;
  }
  return html`<div class="two">
    <div class="pair">
    <div class="stage">
      <${Portrait} key=${model.name + used} model=${model} face=${face} used=${used} encoded=${encoded}
        changes=${changes}
        view=${state.view} onView=${(view) => change({ view })} />
    </div>
    <div class="side" role="region" aria-label="The photo, and what to change">
      <h1 class="unseen">Photo</h1>
      ${photo && html`<${PhotoFaces} photo=${photo} face=${face} onPick=${pick}
        onForget=${() => change({ face: "", refined: "" })} />`}
      <${PhotoInput} model=${model.name} onBrought=${brought}>
        ${parsed(face).seed && html`<button class="button" aria-label="Another made-up face"
          onClick=${() => pick(`seed:${anySeed()}`)}><${Icon} name="dice" /></button>`}
      <//>
      <${ModelChoice} models=${models} value=${model.name} onChange=${(name) => change({ model: name, refined: "" })} />
      ${parsed(face).photo && model.refine !== false && html`<${Refine} key=${model.name + face} model=${model.name}
        face=${face} refined=${state.refined} onRefined=${(refined) => change({ refined })} />`}
      <hr />
      ${
        model.attributes.length > 0
          ? html`<${Attributes} attributes=${model.attributes} value=${changes} onChange=${(set) => change({ set })} />`
          : html`<p class="small quiet">This model has no sliders: it came without attribute directions,
            which <code>facesmith directions</code> finds.</p>`
      }
    </div>
    </div>
    <div class="stage below">
      ${encoded && html`<${Known} encoded=${encoded} told=${told} />`}
      ${
        encoded &&
        model.attributes.length > 0 &&
        html`<${EditTable} model=${model} face=${used} rows=${state.row} changes=${changes}
        onRows=${(row) => change({ row })} />`
      }
    </div>
  </div>`;
}
