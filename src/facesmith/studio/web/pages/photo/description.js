// The reconstruction score of a face, and its most likely attributes.
import { html } from "../../vendor/preact-htm.js";
import { request, useLoad } from "../../shell/api.js";
import { Hint } from "../../components/hint.js";
import { TopAttributes } from "../../components/top-attributes.js";

/** The encoded face and its attributes; null until loaded. `onLost` is called if the session has expired. */
export function useFaceDescription(model, face, onLost) {
  const { value: encoded } = useLoad(
    async (signal) => {
      if (!face) return null;
      try {
        return { ...(await request("/encode", { json: { model: model.name, face }, signal })), of: face };
      } catch (error) {
        if (error.status === 404) onLost();
        throw error;
      }
    },
    [model.digest, face],
  );
  const current = encoded?.of === face ? encoded : null; // and not of the face before
  const { value: attributes } = useLoad(
    async (signal) => {
      if (!current || !model.attributes.length) return null;
      return (await request("/describe", { json: { model: model.name, face, top: 5 }, signal })).attributes;
    },
    [current],
  );
  return { encoded: current, attributes };
}

export const FaceDescription = ({ encoded, attributes }) => html`<section class="description" aria-label="Description">
  <div class="score">
    ${
      encoded.score == null
        ? html`<p><strong>Generated</strong></p><p class="small muted">Generated faces have no reconstruction error.</p>`
        : html`<p><strong class="number">${encoded.score.toFixed(1)} dB</strong> reconstruction</p>
        <p class="small muted">How similar the reconstruction is to the photo (PSNR) <${Hint} term="PSNR">Peak signal-to-noise ratio, in decibels: the higher, the more similar. Identical images score 100 dB.<//></p>`
    }
  </div>
  ${attributes && html`<${TopAttributes} attributes=${attributes} />`}
</section>`;
