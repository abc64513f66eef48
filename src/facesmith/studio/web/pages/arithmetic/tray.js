// Faces to take: of a seed, and of the photos of this visit. They are dragged to where they go, or tapped.
import { html } from "../../vendor/preact-htm.js";
import { ask, useLoad } from "../../shell/api.js";
import { Seed } from "../../parts/controls.js";
import { bitmapOf, Face, seedFace } from "../../parts/faces.js";
import { PhotoInput } from "../../parts/photo-input.js";
import { usePhotos } from "../../parts/photos.js";
import { Wall } from "../../parts/wall.js";

const COUNT = 24;
const COLUMNS = innerWidth < 860 ? 6 : 4; // on phones the tray is as wide as the page

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
    async (signal) => ({ seed, bitmap: await bitmapOf(ask("/generate", { query, signal, as: "blob" })) }),
    [model.digest, seed],
  );
  const found = photos.flatMap((photo) => (photo.faces.length ? photo.faces.map((one) => one.face) : [photo.whole]));
  return html`<div class="tray">
    <p class="small quiet">Tap a face to put it into ${into}, or drag it there.</p>
    <${Seed} label="Faces of seed" value=${seed} onChange=${onSeed} />
    ${
      value &&
      html`<${Wall} bitmap=${value.bitmap} of=${`seed ${value.seed}`} count=${COUNT} columns=${COLUMNS}
        shape=${model.size}
      label="Faces of seed ${value.seed}" name=${(index) => `Take face ${index} of seed ${value.seed}`}
      onPick=${(index) => onTake(seedFace(value.seed, index))} drag=${(index) => seedFace(value.seed, index)} />`
    }
    ${
      model.encoder &&
      html`<h2>Your photos</h2>
      ${
        found.length > 0 &&
        html`<div class="found">${found.map(
          (face, index) => html`<button key=${face} class="button" onClick=${() => onTake(face)}
        aria-label="Take face ${index + 1} of your photos"><${Face} of=${face} model=${model.name} what="cut" label=""
          shape=${model.size} /></button>`,
        )}</div>`
      }
      <${PhotoInput} model=${model.name} onBrought=${(photo) => onTake(photo.faces[0]?.face ?? photo.whole)} />`
    }
  </div>`;
}
