// What a model knows of a face: its latent's score, and what the face most likely has.
import { html } from "../../vendor/preact-htm.js";
import { ask, useLoad } from "../../shell/api.js";
import { TopFive } from "../../parts/top-five.js";

/** The face encoded, and described where the model can; null until then. Where the session forgot it: `onLost`. */
export function useKnown(model, face, onLost) {
  const { value: encoded } = useLoad(
    async (signal) => {
      if (!face) return null;
      try {
        return { ...(await ask("/encode", { json: { model: model.name, face }, signal })), of: face };
      } catch (error) {
        if (error.status === 404) onLost();
        throw error;
      }
    },
    [model.digest, face],
  );
  const current = encoded?.of === face ? encoded : null; // and not of the face before
  const { value: told } = useLoad(
    async (signal) => {
      if (!current || !model.attributes.length) return null;
      return (await ask("/describe", { json: { model: model.name, face, top: 5 }, signal })).attributes;
    },
    [current],
  );
  return { encoded: current, told };
}

export const Known = ({ encoded, told }) => html`<section class="known" aria-label="What is known of it">
  <div class="score">
    ${
      encoded.score == null
        ? html`<p><strong>Made up</strong></p><p class="small quiet">A face of the model's own: nothing is lost.</p>`
        : html`<p><strong class="number">${encoded.score.toFixed(1)} dB</strong> rebuilt</p>
        <p class="small quiet">How close the rebuilt face is to the photo (PSNR): higher is closer.</p>`
    }
  </div>
  ${told && html`<${TopFive} attributes=${told} />`}
</section>`;
