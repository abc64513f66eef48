// Faces of a seed and of the session's photos, to tap or drag.
import { html } from "../../vendor/preact-htm.js";
import { request, useLoad } from "../../shell/api.js";
import { isPhone } from "../../shell/screen.js";
import { Seed } from "../../components/controls.js";
import { Face, seedFaceRef } from "../../components/face-refs.js";
import { decodeBitmap } from "../../components/images.js";
import { Placeholder } from "../../components/feedback.js";
import { PhotoInput } from "../../components/photo-input.js";
import { firstFace, photoFaceRefs, usePhotos } from "../../components/photo-store.js";
import { FaceGrid } from "../../components/face-grid.js";

const COUNT = 24;
const COLUMNS = isPhone() ? 6 : 4; // on phones the tray is as wide as the page

export function Tray({ model, seed, onSeed, onTake, into }) {
  const photos = usePhotos();
  const query = {
    model: model.name,
    digest: model.digest.slice(0, 16),
    seed,
    count: COUNT,
    columns: COLUMNS,
    format: "jpeg",
  };
  const { value } = useLoad(
    async (signal) => ({ seed, bitmap: await decodeBitmap(request("/generate", { query, signal, as: "blob" })) }),
    [model.digest, seed],
  );
  const references = photoFaceRefs(photos);
  return html`<div class="tray">
    <p class="small muted">Select a face to use it in ${into}, or drag it there.</p>
    <${Seed} label="Seed" value=${seed} onChange=${onSeed} />
    ${
      value
        ? html`<${FaceGrid} bitmap=${value.bitmap} of=${`seed ${value.seed}`} count=${COUNT} columns=${COLUMNS}
        shape=${model.size}
      label="Generated faces, seed ${value.seed}" name=${(index) => `Use face ${index} of seed ${value.seed}`}
      onPick=${(index) => onTake(seedFaceRef(value.seed, index))} drag=${(index) => seedFaceRef(value.seed, index)} />`
        : html`<${Placeholder} shape=${[COLUMNS * model.size[0], (COUNT / COLUMNS) * model.size[1]]} />`
    }
    ${
      model.encoder &&
      html`<h2>Your photos</h2>
      ${
        references.length > 0 &&
        html`<div class="found">${references.map(
          (face, index) => html`<button key=${face} class="button" onClick=${() => onTake(face)}
        aria-label="Use face ${index + 1} of your photos"><${Face} of=${face} model=${model.name} what="cut" label=""
          shape=${model.size} /></button>`,
        )}</div>`
      }
      <${PhotoInput} onUploaded=${(photo) => onTake(firstFace(photo))} />`
    }
  </div>`;
}
