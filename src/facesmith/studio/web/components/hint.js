// A question mark that explains a term: a button, so that it works by keyboard and touch.
import { html, useMemo } from "../vendor/preact-htm.js";

let ids = 0;

export function Hint({ term, children }) {
  const id = useMemo(() => `hint${++ids}`, []);
  return html`<button class="hint" type="button" popovertarget=${id} aria-label="What does ${term} mean?" title=${children}>?</button>
    <div class="hint-text" id=${id} popover role="note"><p>${children}</p></div>`;
}
