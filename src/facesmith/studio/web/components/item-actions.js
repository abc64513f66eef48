// Rename or delete a run, a model or a dataset, if the studio allows it.
import { html, useState } from "../vendor/preact-htm.js";
import { forgetModels, request } from "../shell/api.js";
import { showError, showMessage } from "../shell/toasts.js";
import { Dialog } from "./dialog.js";
import { validName } from "./run-names.js";

const LOST = {
  runs: "Its checkpoints, sheets, curves and report will be deleted from the disk.",
  models: "Its folder will be deleted from the disk. The run that it was exported from will be kept.",
  datasets: "Its folder will be deleted from the disk. The photos that it was made from will be kept.",
};

/** `kind` is runs, models or datasets; `onRenamed(name)` and `onDeleted()` are called afterwards. */
export function ItemActions({ kind, name, onRenamed, onDeleted }) {
  const [open, setOpen] = useState("");
  const [text, setText] = useState(name);
  const [busy, setBusy] = useState(false);
  const send = (event) => {
    event.preventDefault();
    setBusy(true);
    const path = `/${kind}/${encodeURIComponent(name)}`;
    const sent = open === "delete" ? request(path, { method: "DELETE" }) : request(`${path}/rename`, { json: { name: text } });
    sent
      .then((answer) => {
        setOpen("");
        forgetModels();
        showMessage(open === "delete" ? `${name} was deleted` : `${name} is now ${answer.name}`);
        if (open === "delete") onDeleted();
        else onRenamed(answer.name);
      }, showError)
      .then(() => setBusy(false));
  };
  return html`<button class="button" onClick=${() => (setText(name), setOpen("rename"))}>Rename</button>
    <button class="button" onClick=${() => setOpen("delete")}>Delete</button>
    ${open && html`<${Dialog} title=${open === "delete" ? `Delete ${name}?` : `Rename ${name}`} onClose=${() => setOpen("")}>
      <form class="training-form" onSubmit=${send}>
        ${open === "delete"
          ? html`<p>${LOST[kind]} This cannot be undone.</p>`
          : html`<div class="field"><label for="new-name">New name</label>
              <input id="new-name" type="text" required maxlength="64" ...${validName} value=${text} onInput=${(event) => setText(event.target.value)} /></div>`}
        <div class="row spread"><button type="button" class="button" onClick=${() => setOpen("")}>Cancel</button>
          <button class="button primary" disabled=${busy || (open === "rename" && text === name)}>${open === "delete" ? "Delete" : "Rename"}</button></div>
      </form>
    <//>`}`;
}
