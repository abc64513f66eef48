// The photo, its reconstruction, and the edited face.
import { html, useLayoutEffect, useState } from "../../vendor/preact-htm.js";
import { request } from "../../shell/api.js";
import { formatEdit } from "../../shell/query-fields.js";
import { Icon } from "../../shell/icons.js";
import { showError } from "../../shell/toasts.js";
import { editLabel } from "../../components/attribute-sliders.js";
import { BeforeAfter } from "../../components/before-after.js";
import { SegmentedControl } from "../../components/controls.js";
import { decodeBitmap, parseFaceRef, faceImageUrl, save } from "../../components/face-refs.js";
import { useMapLink } from "../../components/map-link.js";
import { useLatestRequest } from "../../components/latest-request.js";
import { Progress } from "../../components/feedback.js";
import { BitmapCanvas } from "../../components/face-grid.js";

/** `face` is the face in the photo, `used` the same or its refinement, `encoded` the response of /encode for `used`. */
export function Portrait({ model, face, used, encoded, changes, view, onView }) {
  const [edited, show] = useState(null);
  const isPhoto = Boolean(parseFaceRef(face).photo);
  const place = useMapLink(model);
  const sendLatest = useLatestRequest(async (changes, signal) => {
    const json = { model: model.name, faces: [used], edits: [changes], format: "jpeg" };
    const bitmap = await decodeBitmap(request("/edit", { json, signal, as: "blob" }));
    show((old) => (old?.bitmap.close(), { bitmap, changes }));
  });
  useLayoutEffect(() => {
    if (encoded) sendLatest(changes);
  }, [encoded, formatEdit(changes).join()]);
  if (!encoded || !edited)
    return html`<${Progress} label=${isPhoto ? "Encoding the face" : "Generating the face"} />`;

  const label = editLabel(edited.changes);
  const isChanged = Object.keys(edited.changes).length > 0;
  const before = html`<img class="face" src=${faceImageUrl(face, model.name, isPhoto ? "cut" : "made")}
    alt=${isPhoto ? "The face in the photo" : "The face"} />`;
  const rebuilt = html`<img class="face" src=${faceImageUrl(used, model.name)} alt="The reconstruction" />`;
  const after = html`<${BitmapCanvas} class="face" bitmap=${edited.bitmap} of=${formatEdit(edited.changes).join() || "as it is"}
    label=${label} />`;
  const download = async () => {
    try {
      const blob = await request("/edit", {
        json: { model: model.name, faces: [used], edits: [changes], format: "png" },
        as: "blob",
      });
      save(blob, `face-${formatEdit(changes).join("-").replaceAll(":", "") || "rebuilt"}.png`);
    } catch (error) {
      showError(error);
    }
  };
  const tiles = [
    [before, isPhoto ? "Photo" : "Unchanged"],
    ...(isPhoto ? [[rebuilt, `Reconstruction · ${encoded.score.toFixed(1)} dB`]] : []),
    ...(isChanged ? [[after, label]] : []),
  ];
  return html`<section class="portrait" aria-label="The face">
    ${
      view === "line"
        ? html`<div class="line-view"><${BeforeAfter} before=${before} after=${after} shape=${model.size} /></div>`
        : html`<div class="side-view" style=${{ "--shape": `${model.size[0]} / ${model.size[1]}` }}>
          ${tiles.map(([tile, caption]) => html`<figure key=${caption === label ? "changed" : caption}>${tile}<figcaption
            class="small muted">${caption}</figcaption></figure>`)}
        </div>`
    }
    <div class="row spread">
      <${SegmentedControl} label="View" hidden value=${view} onChange=${onView} options=${[
        ["line", "Before | after"],
        ["side", "Side by side"],
      ]} />
      <div class="row">
        ${place && html`<a class="button" href=${place(used)}><${Icon} name="map" /> Show on map</a>`}
        <button class="button" onClick=${download}><${Icon} name="download" /> PNG</button>
      </div>
    </div>
  </section>`;
}
