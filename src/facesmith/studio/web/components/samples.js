// Generated faces as sample photos, for those without a photo.
import { html, useState } from "../vendor/preact-htm.js";
import { isGenerator, request, useModels } from "../shell/api.js";
import { showError } from "../shell/toasts.js";
import { Face } from "./face-refs.js";
import { uploadPhoto } from "./photo-store.js";

const SAMPLES = ["seed:5:1:0.7", "seed:5:23:0.7", "seed:5:33:0.7", "seed:5:37:0.7", "seed:5:43:0.7"];
const SIDE = 512; // pixels: large enough to find the face

/** Calls `onUploaded(photo)` with the sample as a photo. */
export function Samples({ onUploaded }) {
  const models = useModels(isGenerator) ?? [];
  const [busy, setBusy] = useState(false);
  const model = models.find((item) => item.aligned && item.encoder) ?? models.find((item) => item.aligned) ?? models[0];
  if (!model) return null;
  const take = async (face) => {
    setBusy(true);
    try {
      const query = { model: model.name, face, scale: Math.min(8, Math.ceil(SIDE / Math.max(...model.size))), resample: "lanczos" };
      const file = await request("/edit", { query, as: "blob" });
      const photo = await uploadPhoto(file);
      onUploaded(photo.faces.length ? photo : await uploadPhoto(file, { aligned: true }));
    } catch (error) {
      showError(error);
    }
    setBusy(false);
  };
  return html`<section class="sample-photos" aria-label="Sample photos" aria-busy=${busy}>
    <p class="small muted">Or try a generated face:</p>
    <div class="row">${SAMPLES.map(
      (face, place) => html`<button key=${face} class="button" disabled=${busy} onClick=${() => take(face)}
        aria-label="Sample ${place + 1}"><${Face} of=${face} model=${model.name} label="" shape=${model.size} /></button>`,
    )}</div>
  </section>`;
}
