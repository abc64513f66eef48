// The most likely attributes of a face, relative to all faces, with their accuracy.
import { html } from "../vendor/preact-htm.js";
import { Hint } from "./hint.js";
import { attributeLabel } from "./attribute-sliders.js";

const percent = (share) => `${Math.round(share * 100)}%`;

export const TopAttributes = ({ attributes }) => html`<section class="top-attributes" aria-label="Most likely attributes">
  <h3>Most likely attributes <${Hint} term="the percentage">The percentage is the probability that the face has the attribute. 1.2x means 1.2 times as likely as for the average face.<//></h3>
  <ul>${attributes.map((item) => {
    const trusted = item.accuracy == null ? "" : ` The prediction is correct for ${percent(item.accuracy)} of held-out faces.`;
    return html`<li key=${item.name} title="${percent(item.rate)} of all faces have this attribute.${trusted}">
      <span>${attributeLabel(item.name)}</span>
      <span class="bar" aria-hidden="true"><i style=${{ width: `${100 * item.probability}%` }} /></span>
      <span class="number">${percent(item.probability)}</span>
      <span class="small muted number">${item.lift >= 9.95 ? Math.round(item.lift) : item.lift.toFixed(1)}x</span>
    </li>`;
  })}</ul>
  <p class="small muted">Probability, and how it compares with the average for all faces.</p>
</section>`;
