// Mix two faces with a slider.
import { html } from "../../vendor/preact-htm.js";
import { navigate, pageUrl } from "../../shell/address.js";
import { request, useLoad } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { showError } from "../../shell/toasts.js";
import { Slider } from "../../components/controls.js";
import { useFavourites } from "../../components/favourites.js";
import { BitmapCanvas } from "../../components/face-grid.js";
import { parseFaceRef } from "../../components/face-refs.js";
import { decodeBitmap, pngName } from "../../components/images.js";
import { Progress } from "../../components/feedback.js";
import { SaveImage } from "../../components/save-image.js";
import { Slot } from "./slot.js";
import { StyleMix } from "./style-mix.js";

const STEPS = 20; // from one face to the other
const COLUMNS = 7;

export function Mix({ model, slots, active, onChoose, onFill, share, onShare }) {
  const [, isKept, flipKept] = useFavourites();
  const body = { model: model.name, faces: [slots.a, slots.b], frames: STEPS + 1 };
  const { value: path } = useLoad(
    (signal) => decodeBitmap(request("/interpolate", { json: { ...body, format: "jpeg", columns: COLUMNS }, signal, as: "blob" })),
    [JSON.stringify(body), model.digest],
  );
  const step = Math.round((share / 100) * STEPS);
  const [width, height] = model.size;
  const part = [(step % COLUMNS) * width, Math.floor(step / COLUMNS) * height, width, height];
  // The mix with a face of a seed has a reference of its own; any other is stored by the server.
  const other = parseFaceRef(slots.b);
  const isPlain = parseFaceRef(slots.a).seed && other.seed && !other.mixes && Number(other.truncation) === 1;
  const plain = isPlain ? `${slots.a}~${other.seed}:${other.index}:${share}` : null;
  const mixed = async () =>
    plain && parseFaceRef(plain) ? plain : (await request("/interpolate/faces", { json: body })).faces[step].face;
  const load = async (scale) =>
    request("/edit", { json: { model: model.name, faces: [await mixed()], format: "png", scale, resample: "lanczos" }, as: "blob" });
  const open = () => mixed().then((face) => navigate(pageUrl("/photo", { model: model.name, face })), showError);
  const item = { model: model.name, face: plain, set: {} };
  return html`<section class="mix" aria-label="Mix of A and B">
    <div class="equation mixing">
      ${["a", "b"].map(
        (letter) => html`<${Slot} key=${letter} letter=${letter.toUpperCase()} description=${letter === "a" ? "the first face" : "the second face"}
          face=${slots[letter]} model=${model} active=${active === letter} onChoose=${() => onChoose(letter)} onFill=${(face) => onFill(letter, face)} />`,
      )}
      <div class="slot result">${
        path
          ? html`<${BitmapCanvas} class="face" bitmap=${path} part=${part} of="${slots.a} ${slots.b} ${step}" label="The mix of A and B"
              style=${{ aspectRatio: `${width} / ${height}` }} />`
          : html`<${Progress} label="Generating faces" />`
      }</div>
    </div>
    <${Slider} label="Mix" value=${share} high=${100} step=${100 / STEPS} format=${(value) => `${value}% B`} ends=${["A", "B"]} onInput=${onShare} />
    <div class="row">
      ${plain && html`<button class="button" aria-pressed=${isKept(item)} onClick=${() => flipKept(item)}><${Icon} name="star" /> ${isKept(item) ? "Kept" : "Keep"}</button>`}
      ${model.encoder && html`<button class="button" onClick=${open}><${Icon} name="sliders" /> Edit this face</button>`}
    </div>
    <${SaveImage} size=${model.size} load=${load} name=${(scale) => pngName("mix", scale)} />
    ${model.styles && html`<${StyleMix} model=${model} face=${slots.a} style=${slots.b} />`}
  </section>`;
}
