// One tap, and the studio has forgotten this visit.
import { html, useState } from "../vendor/preact-htm.js";
import { say, tell } from "../shell/toasts.js";
import { forgetAll } from "./photos.js";

export function ForgetAll() {
  const [busy, work] = useState(false);
  const away = async () => {
    work(true);
    await forgetAll().then(() => tell("Everything you brought is forgotten"), say);
    work(false);
  };
  return html`<button class="button" disabled=${busy} onClick=${away}>Forget everything now</button>`;
}
