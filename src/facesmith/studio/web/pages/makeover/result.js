// The makeover of a face: close up, or in its photo, both at the photo's own resolution.
import { html, useLayoutEffect, useState } from "../../vendor/preact-htm.js";
import { request, useLoad } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { BeforeAfter } from "../../components/before-after.js";
import { SegmentedControl } from "../../components/controls.js";
import { faceImageUrl } from "../../components/face-refs.js";
import { decodeBitmap, download, loadBitmap, pngName } from "../../components/images.js";
import { useLatestRequest } from "../../components/latest-request.js";
import { Progress } from "../../components/feedback.js";
import { BitmapCanvas } from "../../components/face-grid.js";
import { SaveImage } from "../../components/save-image.js";
import { Snippets } from "../../components/snippets.js";

const MARGIN = 0.35; // around the box of a face, in boxes

/** The part of a photo that shows a face and its surroundings: left, top, width, height. */
function closeUp(photo, face) {
  const [width, height] = photo.size;
  const box = photo.faces.find((item) => item.face === face)?.box;
  if (!box) return [0, 0, width, height];
  const [left, top] = [Math.max(0, box[0] - MARGIN * box[2]), Math.max(0, box[1] - MARGIN * box[3])].map(Math.floor);
  const right = Math.min(width, Math.ceil(box[0] + (1 + MARGIN) * box[2]));
  return [left, top, right - left, Math.min(height, Math.ceil(box[1] + (1 + MARGIN) * box[3])) - top];
}

export function MakeoverResult({ model, direction, face, photo, strength, all, onAll, show, onShow, onLost }) {
  const [result, setResult] = useState(null);
  const [saving, setSaving] = useState("");
  const whole = Boolean(photo);
  const others = whole && all ? photo.faces.map((item) => item.face).filter((item) => item !== face) : [];
  const body = { model: model.name, face, direction, strength };
  const picture = { ...body, whole, ...(whole ? { others } : {}) };
  const video = { ...body, scale: others.length ? 1 : 2, others };
  const { value: original } = useLoad(() => photo && loadBitmap(photo.url), [photo?.photo]);
  const { value: films } = useLoad((signal) => request("/films", { signal }), []);
  const sendLatest = useLatestRequest(
    async (value, signal) => {
      try {
        const bitmap = await decodeBitmap(request("/makeover", { json: { ...value, format: "jpeg" }, signal, as: "blob" }));
        setResult((old) => (old?.bitmap.close(), { ...value, bitmap }));
      } catch (error) {
        if (error.status === 404) onLost();
        throw error;
      }
    },
    (item, next) => item.whole === next.whole,
  );
  useLayoutEffect(() => sendLatest(picture), [direction, strength, whole, others.join()]);
  const saveAs = async (format, json, name) => {
    setSaving(format);
    await download("/makeover", { ...json, format }, `${name}.${format}`);
    setSaving("");
  };
  if (!result || (result.whole && !original)) return html`<div class="waiting"><${Progress} label="Applying the makeover" /></div>`;

  const part = result.whole && photo ? (show === "whole" ? [0, 0, ...photo.size] : closeUp(photo, face)) : null;
  const isPart = photo && closeUp(photo, face).join() !== [0, 0, ...photo.size].join();
  const before = part
    ? html`<${BitmapCanvas} bitmap=${original} part=${part} label="The original ${show === "whole" ? "photo" : "face"}" />`
    : html`<img src=${faceImageUrl(face, model.name, "cut")} alt="The original face" />`;
  const after = html`<${BitmapCanvas} bitmap=${result.bitmap} part=${part} of="${result.direction} ${result.strength} ${show}"
    label="After, ${Math.round(result.strength * 100)}%" />`;
  const shape = part ? part.slice(2) : model.size;
  return html`<section class="makeover-result" aria-label="Makeover">
    <div class="narrow" style=${{ "--ratio": shape[0] / shape[1] }}><${BeforeAfter}
      before=${before} after=${after} shape=${shape} /></div>
    <div class="row spread">
      ${isPart && html`<${SegmentedControl} label="Show" hidden value=${show} onChange=${onShow} options=${[
        ["face", "Close-up"],
        ["whole", "In the photo"],
      ]} />`}
      ${photo?.faces.length > 1 && html`<label class="check"><input type="checkbox" checked=${all}
        onChange=${(event) => onAll(event.target.checked)} /> All ${photo.faces.length} faces</label>`}
      <div class="row">
        ${whole && html`<button class="button primary" disabled=${Boolean(saving)} onClick=${() => saveAs("png", picture, "makeover-photo")}>
          <${Icon} name="download" /> Save photo</button>`}
        ${(films?.formats ?? ["gif"]).map(
          (format) => html`<button key=${format} class="button" disabled=${Boolean(saving)} title=${`Animate ${others.length ? "all faces, side by side," : "this face"} from the original to the makeover and back`}
            onClick=${() => saveAs(format, video, "makeover")}>
            ${saving === format ? "Encoding…" : format.toUpperCase()}</button>`,
        )}
      </div>
    </div>
    ${whole && html`<p class="small muted">The photo keeps its size of ${photo.size.join("x")} pixels; only the faces change.</p>`}
    <details><summary class="small">Only the face, as the model generated it</summary>
      <${SaveImage} size=${model.size} name=${(scale) => pngName("makeover", scale)}
        load=${(scale) => request("/makeover", { json: { ...body, scale, resample: "lanczos", format: "png" }, as: "blob" })} />
    </details>
    <${Snippets} path="/makeover" json=${{ ...body, face: "FACE", whole, ...(others.length ? { others: "OTHERS" } : {}) }} photo />
  </section>`;
}
