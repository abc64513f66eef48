// What stands where there is nothing yet, and while something is being made.
import { html } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";

export const Empty = ({ icon, title, children }) => html`<div class="empty">
  ${icon && html`<${Icon} name=${icon} />`}<h2>${title}</h2>${children}
</div>`;

/** `value` from 0 to 1; without one it says only that something goes on. */
export const Progress = ({ label, value, children }) => html`<div class="progress">
  <div class="row spread"><span>${label}</span>${children}</div>
  <progress aria-label=${label} value=${value} max="1"></progress>
</div>`;

/** While a page does not know yet what is here; what is quick shows nothing. */
export const Waiting = () => html`<div class="waiting"><${Progress} label="Looking at what is here" /></div>`;

/** Copy words, and say so; where the browser does not let us, show them to be copied by hand. */
export async function copy(words, tell) {
  try {
    await navigator.clipboard.writeText(words);
    tell(`Copied ${words.length > 60 ? "the link" : words}`);
  } catch {
    prompt("Copy this:", words);
  }
}
