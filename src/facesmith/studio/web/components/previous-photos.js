// The photos of this session, to use one again.
import { html } from "../vendor/preact-htm.js";

export const PreviousPhotos = ({ photos, onPick }) =>
  photos.length > 0 &&
  html`<section class="sample-photos" aria-label="Your photos">
    <p class="small muted">Your photos:</p>
    <div class="previous-photos">${photos.map(
      (item) => html`<button key=${item.photo} class="button" onClick=${() => onPick(item)}>
        <img src=${item.url} alt="A previous photo" /></button>`,
    )}</div>
  </section>`;
