// Empty states, progress bars and copied text.
import { html } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";
import { showMessage } from "../shell/toasts.js";

export const Empty = ({ icon, title, children }) => html`<div class="empty">
  ${icon && html`<${Icon} name=${icon} />`}<h2>${title}</h2>${children}
</div>`;

/** A progress bar; `value` is 0 to 1, or undefined if the progress is unknown. */
export const Progress = ({ label, value, children }) => html`<div class="progress">
  <div class="row spread"><span>${label}</span>${children}</div>
  <progress aria-label=${label} value=${value} max="1"></progress>
</div>`;

/** Shown in the place of content while it loads. */
export const Loading = () => html`<div class="skeleton" role="progressbar" aria-label="Loading"><i></i><i></i></div>`;

/** An empty box that keeps the place of an image of this `shape` ([width, height]), so that nothing moves when it comes. */
export const Placeholder = ({ shape, width }) =>
  html`<div class="placeholder" aria-hidden="true" style=${{ aspectRatio: `${shape[0]} / ${shape[1]}`, width: width && `${width}px` }} />`;

/** Copy text and confirm it. If the browser forbids it, show the text for copying by hand. */
export async function copyText(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    showMessage(`Copied ${what ?? text}`);
  } catch {
    prompt("Copy this:", text);
  }
}
