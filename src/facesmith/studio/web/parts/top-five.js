// What a face most likely has, with how much more often than other faces, and how far to trust it.
import { html } from "../vendor/preact-htm.js";
import { inWords } from "./attributes.js";

const percent = (share) => `${Math.round(share * 100)} %`;

export const TopFive = ({ attributes }) => html`<section class="top-five" aria-label="Likeliest attributes">
  <h3>Likeliest</h3>
  <ul>${attributes.map((one) => {
    const trusted = one.accuracy == null ? "" : `; right on ${percent(one.accuracy)} of held-out faces`;
    return html`<li key=${one.name} title="${percent(one.rate)} of all faces have it${trusted}">
      <span>${inWords(one.name)}</span>
      <span class="bar" aria-hidden="true"><i style=${{ width: `${100 * one.probability}%` }} /></span>
      <span class="number">${percent(one.probability)}</span>
      <span class="small quiet number">${one.lift >= 9.95 ? Math.round(one.lift) : one.lift.toFixed(1)}x</span>
    </li>`;
  })}</ul>
  <p class="small quiet">How likely, and how many times as likely as among all faces.</p>
</section>`;
