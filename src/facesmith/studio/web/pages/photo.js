// A face of a photo: its reconstruction, its attributes, and edits.
import { html } from "../vendor/preact-htm.js";
import { pageUrl, useAddress } from "../shell/address.js";
import { useModels } from "../shell/api.js";
import { choice, flag, list, editField, text } from "../shell/query-fields.js";
import { isPhone } from "../shell/screen.js";
import { Icon } from "../shell/icons.js";
import { AiLine } from "../components/ai-line.js";
import { Attributes, knownChanges } from "../components/attribute-sliders.js";
import { randomSeed, ModelChoice } from "../components/controls.js";
import { parseFaceRef } from "../components/face-refs.js";
import { PhotoFaces } from "../components/photo-faces.js";
import { PhotoInput } from "../components/photo-input.js";
import { firstFace, photoOfFace, usePhotos } from "../components/photo-store.js";
import { Presets } from "../components/presets.js";
import { PreviousPhotos } from "../components/previous-photos.js";
import { Samples } from "../components/samples.js";
import { Empty, Loading } from "../components/feedback.js";
import { EditTable } from "./photo/edit-table.js";
import { FaceDescription, useFaceDescription } from "./photo/description.js";
import { Portrait } from "./photo/portrait.js";
import { Refine } from "./photo/refine.js";

const FIELDS = {
  model: text(),
  face: text(), // a photo's face, or "seed:7"
  refined: text(), // the same face after refining
  refine: choice("auto", ["auto", "off"]),
  view: choice(isPhone() ? "line" : "side", ["line", "side", "whole"]),
  all: flag(), // edit all faces of the photo
  set: editField(),
  row: list(), // of the table of edits
};

export default function Photo() {
  const models = useModels((model) => model.kind === "generator" && model.encoder);
  const [state, change] = useAddress(FIELDS);
  if (!models) return html`<h1 class="visually-hidden">Photo</h1><${Loading} />`;
  if (!models.length) {
    return html`<h1 class="visually-hidden">Photo</h1><${Empty} icon="photo" title="No model with an encoder">
      <p>Editing photos requires a model with an encoder. <code>facesmith train encoder</code> trains an encoder for any model; the included
        models already have one.</p>
    <//>`;
  }
  return html`<${PhotoEditor} models=${models} state=${state} change=${change} />`;
}

function PhotoEditor({ models, state, change }) {
  const photos = usePhotos();
  const makeovers = useModels((model) => model.kind === "makeover");
  // The default for photos is a model trained on aligned faces, if there is one.
  const alternative = models.find((item) => item.aligned);
  const model = models.find((item) => item.name === state.model) ?? alternative ?? models[0];
  const face = parseFaceRef(state.face) ? state.face : "";
  const photo = photoOfFace(face);
  const changes = knownChanges(model, state.set);
  const pick = (item) => change({ face: item, refined: "" }, { push: true });
  const pickPhoto = (item) => pick(firstFace(item));
  const used = (parseFaceRef(state.refined) && state.refined) || face;
  const { encoded, attributes } = useFaceDescription(model, used, () => change({ face: "", refined: "" }));
  if (!face) {
    return html`<h1 class="visually-hidden">Photo</h1><div key="welcome" class="welcome">
      <${PhotoInput} large onUploaded=${pickPhoto}>
        <button class="button" onClick=${() => pick(`seed:${randomSeed()}`)}><${Icon} name="dice" /> A random
          face</button>
      <//>
      <${PreviousPhotos} photos=${photos} onPick=${pickPhoto} />
      <${Samples} onUploaded=${pickPhoto} />
      <${ModelChoice} models=${models} value=${model.name} onChange=${(name) => change({ model: name })} />
    </div>`;
  }
  const isPhoto = Boolean(parseFaceRef(face).photo);
  const canMakeOver = photo && makeovers?.length > 0;
  return html`<div key="face" class="two">
    <div class="pair">
    <div class="stage">
      <${Portrait} key=${model.name + face} model=${model} face=${face} used=${used} encoded=${encoded}
        changes=${changes} photo=${photo} all=${state.all} onAll=${(all) => change({ all })}
        view=${state.view} onView=${(view) => change({ view })} />
      <${AiLine} edited=${isPhoto} />
    </div>
    <div class="side" role="region" aria-label="Photo and settings">
      <h1 class="visually-hidden">Photo</h1>
      ${photo && html`<${PhotoFaces} photo=${photo} face=${face} model=${model} alternative=${alternative?.name} onPick=${pick}
        onForget=${() => change({ face: "", refined: "" })} />`}
      <${PhotoInput} onUploaded=${pickPhoto}>
        ${!isPhoto && html`<button class="button" aria-label="Another random face"
          onClick=${() => pick(`seed:${randomSeed()}`)}><${Icon} name="dice" /></button>`}
      <//>
      ${canMakeOver && html`<a class="button" href=${pageUrl("/makeover", { face })}><${Icon} name="makeover" /> Make over this face</a>`}
      <${ModelChoice} models=${models} value=${model.name} onChange=${(name) => change({ model: name, refined: "" })} />
      ${isPhoto && model.refine !== false && html`<${Refine} key=${model.name + face} model=${model.name} ready=${encoded}
        face=${face} refined=${state.refined} automatic=${state.refine === "auto"} onRefined=${(refined) => change({ refined })}
        onUndo=${() => change({ refined: "", refine: "off" })} onStart=${() => change({ refine: "auto" })} />`}
      <hr />
      <${Presets} attributes=${model.attributes} value=${changes} onChange=${(set) => change({ set }, { push: true })} />
      <${Attributes} attributes=${model.attributes} value=${changes} onChange=${(set) => change({ set })} />
    </div>
    </div>
    <div class="stage below">
      ${encoded && html`<${FaceDescription} encoded=${encoded} attributes=${attributes} />`}
      ${
        encoded &&
        model.attributes.length > 0 &&
        html`<${EditTable} model=${model} face=${used} rows=${state.row} changes=${changes}
        onRows=${(row) => change({ row })} />`
      }
    </div>
  </div>`;
}
