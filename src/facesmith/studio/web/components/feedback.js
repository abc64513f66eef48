// Empty states, progress bars and copied text.
import { html } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";

export const Empty = ({ icon, title, children }) => html`<div class="empty">
  ${icon && html`<${Icon} name=${icon} />`}<h2>${title}</h2>${children}
</div>`;

/** A progress bar; `value` is 0 to 1, or undefined if the progress is unknown. */
export const Progress = ({ label, value, children }) => html`<div class="progress">
  <div class="row spread"><span>${label}</span>${children}</div>
  <progress aria-label=${label} value=${value} max="1"></progress>
</div>`;

/** Shown while a page loads; it appears after a delay. */
export const Loading = () => html`<div class="waiting"><${Progress} label="Loading" /></div>`;

/** Copy text and confirm it. If the browser forbids it, show the text for copying by hand. */
export async function copyText(text, showMessage, what) {
  try {
    await navigator.clipboard.writeText(text);
    showMessage(`Copied ${what ?? text}`);
  } catch {
    prompt("Copy this:", text);
  }
}
