// One kind of face made into another, the same person: by how much, and back in the whole picture.
import { html } from "../vendor/preact-htm.js";
import { useAddress } from "../shell/address.js";
import { useModels } from "../shell/api.js";
import { choice, number, text } from "../shell/fields.js";
import { ModelChoice, Segments, Slider } from "../parts/controls.js";
import { parsed } from "../parts/faces.js";
import { PhotoFaces } from "../parts/photo-faces.js";
import { PhotoInput } from "../parts/photo-input.js";
import { photoWith, usePhotos } from "../parts/photos.js";
import { Empty, Waiting } from "../parts/states.js";
import { Made } from "./makeover/made.js";

const FIELDS = {
  model: text(),
  face: text(),
  direction: text(),
  strength: number(1, 0, 1, false),
  show: choice("face", ["face", "whole"]),
};

export default function Makeover() {
  const models = useModels((model) => model.kind === "makeover");
  const [state, change] = useAddress(FIELDS);
  usePhotos();
  if (!models) return html`<h1 class="unseen">Makeover</h1><${Waiting} />`;
  if (!models.length) return html`<h1 class="unseen">Makeover</h1><${None} />`;

  const model = models.find((one) => one.name === state.model) ?? models[0];
  const direction = model.directions.find((one) => one.name === state.direction) ?? model.directions[0];
  const face = parsed(state.face)?.photo ? state.face : "";
  const photo = photoWith(face);
  const pick = (one) => change({ face: one }, { push: true });
  const brought = (one) => pick(one.faces[0]?.face ?? one.whole);
  const chooser = html`<${ModelChoice} models=${models} label="Makeover" value=${model.name}
    onChange=${(name) => change({ model: name, direction: "" })} />`;
  if (!face) {
    return html`<h1 class="unseen">Makeover</h1><div class="welcome">
      <${PhotoInput} large model=${model.name} onBrought=${brought} />${chooser}</div>`;
  }
  return html`<div class="two">
    <div class="stage">
      <${Made} key=${model.name + face} model=${model} direction=${direction.name} face=${face} photo=${photo}
        strength=${state.strength}
        show=${state.show} onShow=${(show) => change({ show })} onLost=${() => change({ face: "" })} />
    </div>
    <div class="side" role="region" aria-label="The photo, and what to make of it">
      <h1 class="unseen">Makeover</h1>
      ${photo && html`<${PhotoFaces} photo=${photo} face=${face} onPick=${pick}
        onForget=${() => change({ face: "" })} />`}
      <${PhotoInput} model=${model.name} onBrought=${brought} />
      ${chooser}
      <${Segments} label="Direction" value=${direction.name} onChange=${(name) => change({ direction: name })}
        options=${model.directions.map((one) => one.name)} />
      <p class="small quiet">From ${kind(direction.source)} to ${kind(direction.target)}.</p>
      <${Slider} label="Strength" value=${state.strength} step=${0.02} onInput=${(strength) => change({ strength })}
        words=${(value) => `${Math.round(value * 100)} %`} />
    </div>
  </div>`;
}

/** "Male & ~Blurry" in words: "male, not blurry". */
const kind = (said) =>
  said.replaceAll("_", " ").replaceAll("~", "not ").replaceAll(" & ", ", ").replaceAll(" | ", " or ").toLowerCase();

const None = () => html`<${Empty} icon="makeover" title="No makeover is here">
  <p>A makeover turns one kind of face into another, the same person. This studio was started without one.</p>
  <p>Train one where there are labelled photos of people, export it, and start the studio with it:</p>
  <pre tabindex="0">facesmith train makeover MY_DATASET runs/mtf --direction mtf
facesmith export runs/mtf my-makeover
facesmith studio my-makeover</pre>
  <p>Meanwhile <a href="/photo">Photo</a> changes faces by sliders.</p>
<//>`;
