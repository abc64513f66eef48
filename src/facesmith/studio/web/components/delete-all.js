// A button that deletes everything in this session.
import { html, useState } from "../vendor/preact-htm.js";
import { showError, showMessage } from "../shell/toasts.js";
import { deleteSession } from "./photo-store.js";

export function DeleteAll() {
  const [busy, setBusy] = useState(false);
  const deleteAll = async () => {
    setBusy(true);
    await deleteSession().then(() => showMessage("Your photos and faces have been deleted"), showError);
    setBusy(false);
  };
  return html`<button class="button" disabled=${busy} onClick=${deleteAll}>Delete my photos now</button>`;
}
