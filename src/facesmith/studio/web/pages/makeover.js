// Change attributes of a person in a photo.
import { html } from "../vendor/preact-htm.js";
import { pageUrl, useAddress } from "../shell/address.js";
import { useModels } from "../shell/api.js";
import { choice, flag, number, text } from "../shell/query-fields.js";
import { Icon } from "../shell/icons.js";
import { AiLine } from "../components/ai-line.js";
import { ModelChoice, SegmentedControl, Slider } from "../components/controls.js";
import { directionLabel, directionText } from "../components/directions.js";
import { parseFaceRef } from "../components/face-refs.js";
import { Hint } from "../components/hint.js";
import { PhotoFaces } from "../components/photo-faces.js";
import { PhotoInput } from "../components/photo-input.js";
import { firstFace, photoOfFace, usePhotos } from "../components/photo-store.js";
import { PreviousPhotos } from "../components/previous-photos.js";
import { Samples } from "../components/samples.js";
import { Empty, Loading } from "../components/feedback.js";
import { MakeoverResult } from "./makeover/result.js";

const FIELDS = {
  model: text(),
  face: text(),
  direction: text(),
  strength: number(1, 0, 1, false),
  show: choice("face", ["face", "whole"]),
  all: flag(), // make over all faces of the photo
};

export default function Makeover() {
  const models = useModels((model) => model.kind === "makeover");
  const editors = useModels((model) => model.kind === "generator" && model.encoder && model.aligned);
  const [state, change] = useAddress(FIELDS);
  const photos = usePhotos();
  if (!models) return html`<h1 class="visually-hidden">Makeover</h1><${Loading} />`;
  if (!models.length) return html`<h1 class="visually-hidden">Makeover</h1><${NoMakeover} />`;

  const model = models.find((item) => item.name === state.model) ?? models[0];
  const direction = model.directions.find((item) => item.name === state.direction) ?? model.directions[0];
  const face = parseFaceRef(state.face)?.photo ? state.face : "";
  const photo = photoOfFace(face);
  const pick = (item) => change({ face: item }, { push: true });
  const pickPhoto = (item) => pick(firstFace(item));
  const chooser = html`<${ModelChoice} models=${models} label="Makeover" value=${model.name}
    onChange=${(name) => change({ model: name, direction: "" })} />`;
  if (!face) {
    return html`<h1 class="visually-hidden">Makeover</h1><div class="welcome">
      <${PhotoInput} large onUploaded=${pickPhoto} />
      <${PreviousPhotos} photos=${photos} onPick=${pickPhoto} />
      <${Samples} onUploaded=${pickPhoto} />${chooser}</div>`;
  }
  return html`<div class="two">
    <div class="stage">
      <${MakeoverResult} key=${model.name + face} model=${model} direction=${direction.name} face=${face} photo=${photo}
        strength=${state.strength} all=${state.all} onAll=${(all) => change({ all })}
        show=${state.show} onShow=${(show) => change({ show })} onLost=${() => change({ face: "" })} />
      <${AiLine} edited />
    </div>
    <div class="side" role="region" aria-label="Photo and settings">
      <h1 class="visually-hidden">Makeover</h1>
      ${photo && html`<${PhotoFaces} photo=${photo} face=${face} model=${model} onPick=${pick}
        onForget=${() => change({ face: "" })} />`}
      <${PhotoInput} onUploaded=${pickPhoto} />
      ${photo && editors?.length > 0 && html`<a class="button" href=${pageUrl("/photo", { face })}><${Icon} name="sliders" /> Edit with sliders</a>`}
      ${chooser}
      <div class="with-hint"><${SegmentedControl} label="Direction" value=${direction.name} onChange=${(name) => change({ direction: name })}
        options=${model.directions.map((item) => [item.name, directionLabel(item)])} />
        <${Hint} term="this direction">${directionText(direction)}<//></div>
      <${Slider} label="Strength" value=${state.strength} step=${0.02} onInput=${(strength) => change({ strength })}
        format=${(value) => `${Math.round(value * 100)}%`} ends=${["unchanged", "full"]} />
    </div>
  </div>`;
}

const NoMakeover = () => html`<${Empty} icon="makeover" title="No makeover model yet">
  <p>A makeover changes attributes of a person in a photo. This studio has no makeover model.</p>
  <p>Train one on a labelled dataset, export it, and start the studio with it:</p>
  <pre tabindex="0">facesmith train makeover MY_DATASET runs/mtf --direction mtf
facesmith export runs/mtf my-makeover
facesmith studio my-makeover</pre>
  <p>To edit faces with sliders, use the <a href=${pageUrl("/photo")}>Photo</a> page.</p>
<//>`;
