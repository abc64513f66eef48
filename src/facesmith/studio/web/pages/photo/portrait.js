// The photo, its reconstruction, and the edited face, alone or in the photo.
import { html, useLayoutEffect, useState } from "../../vendor/preact-htm.js";
import { request } from "../../shell/api.js";
import { formatEdit } from "../../shell/query-fields.js";
import { Icon } from "../../shell/icons.js";
import { editLabel } from "../../components/attribute-sliders.js";
import { BeforeAfter, HoldButton } from "../../components/before-after.js";
import { SegmentedControl } from "../../components/controls.js";
import { parseFaceRef, faceImageUrl } from "../../components/face-refs.js";
import { decodeBitmap, download, pngName } from "../../components/images.js";
import { useMapLink } from "../../components/map-link.js";
import { useLatestRequest } from "../../components/latest-request.js";
import { Progress } from "../../components/feedback.js";
import { BitmapCanvas } from "../../components/face-grid.js";
import { SaveImage, saveScales } from "../../components/save-image.js";
import { Snippets } from "../../components/snippets.js";

/** `face` is the face in the photo, `used` the same or its refinement, `encoded` the response of /encode for `used`,
 * `photo` the photo if it is of this session. With `all`, all its faces are edited. */
export function Portrait({ model, face, used, encoded, changes, view, onView, photo, all, onAll }) {
  const [edited, setEdited] = useState(null);
  const [held, setHeld] = useState(false);
  const isPhoto = Boolean(parseFaceRef(face).photo);
  const place = useMapLink(model);
  const whole = view === "whole" && Boolean(photo);
  const others = whole && all ? photo.faces.map((item) => item.face).filter((item) => item !== face) : [];
  const scale = saveScales(model.size).at(-1); // for a smooth portrait
  const body = { model: model.name, faces: [used, ...others], edits: [changes] };
  const picture = whole ? { ...body, whole } : { ...body, scale, resample: "lanczos" };
  const sendLatest = useLatestRequest(
    async ({ json, changes, face }, signal) => {
      const bitmap = await decodeBitmap(request("/edit", { json: { ...json, format: "jpeg" }, signal, as: "blob" }));
      setEdited((old) => (old?.bitmap.close(), { bitmap, changes, whole: Boolean(json.whole), face }));
    },
    (item, next) => item.json.whole === next.json.whole && item.face === next.face,
  );
  useLayoutEffect(() => {
    if (encoded) sendLatest({ json: picture, changes, face: used });
  }, [encoded, formatEdit(changes).join(), whole, others.join()]);
  if (!edited) return html`<div class="waiting"><${Progress} label=${isPhoto ? "Encoding the face" : "Generating the face"} /></div>`;

  const label = editLabel(edited.changes);
  const isChanged = Object.keys(edited.changes).length > 0;
  const before = edited.whole
    ? html`<img src=${photo?.url} alt="The original photo" />`
    : html`<img class="face" src=${faceImageUrl(face, model.name, isPhoto ? "cut" : "made", scale)}
        alt=${isPhoto ? "The face in the photo" : "The face"} />`;
  const rebuilt = html`<img class="face" src=${faceImageUrl(edited.face, model.name, "made", scale)} alt="The reconstruction" />`;
  const after = html`<${BitmapCanvas} class=${edited.whole ? "" : "face"} bitmap=${edited.bitmap}
    of=${(edited.whole ? "whole " : "") + (formatEdit(edited.changes).join() || "unchanged")} label=${label} />`;
  const file = formatEdit(changes).join("-").replaceAll(":", "") || "rebuilt";
  const load = (scale) =>
    request("/edit", { json: { ...body, faces: [used], format: "png", scale, resample: "lanczos" }, as: "blob" });
  const saveWhole = () => download("/edit", { ...picture, format: "png" }, `photo-${file}.png`);
  const score = encoded?.score == null ? "" : ` · ${encoded.score.toFixed(1)} dB`;
  const tiles = [
    [before, isPhoto ? "Photo" : "Unchanged"],
    ...(isPhoto ? [[rebuilt, `Reconstruction${score}`]] : []),
    ...(isChanged ? [[held ? before : after, label]] : []),
  ];
  const shape = edited.whole ? photo?.size ?? model.size : model.size;
  const views = [["line", "Before | after"], ["side", "Side by side"], ...(photo ? [["whole", "In the photo"]] : [])];
  return html`<section class="portrait" aria-label="The face">
    ${
      view === "line" || edited.whole
        ? html`<div class="line-view" style=${{ "--ratio": shape[0] / shape[1] }}>
          <${BeforeAfter} before=${before} after=${after} shape=${shape} /></div>`
        : html`<div class="side-view" style=${{ "--shape": `${model.size[0]} / ${model.size[1]}` }}>
          ${tiles.map(([tile, caption]) => html`<figure key=${caption === label ? "changed" : caption}>${tile}<figcaption
            class="small muted">${caption}</figcaption></figure>`)}
        </div>${isChanged && html`<div class="row hold-row"><${HoldButton} held=${held} onHold=${setHeld} /></div>`}`
    }
    <div class="row spread">
      <${SegmentedControl} label="View" hidden value=${whole ? "whole" : view === "whole" ? "line" : view} onChange=${onView} options=${views} />
      ${whole && photo.faces.length > 1 && html`<label class="check"><input type="checkbox" checked=${all}
        onChange=${(event) => onAll(event.target.checked)} /> All ${photo.faces.length} faces</label>`}
      ${place && html`<a class="button" href=${place(used)}><${Icon} name="map" /> Show on map</a>`}
    </div>
    ${
      whole
        ? html`<div class="row"><button class="button primary" onClick=${saveWhole}><${Icon} name="download" /> Save photo</button>
            <span class="small muted">${photo.size.join("x")} pixels; only the parts affected by the edit are changed</span></div>`
        : html`<${SaveImage} size=${model.size} load=${load} name=${(scale) => pngName(`face-${file}`, scale)} />`
    }
    <${Snippets} path="/edit" json=${{ ...body, faces: [isPhoto ? "FACE" : used] }} photo=${isPhoto} />
  </section>`;
}
