// Undo and redo of everything that a page's address says, such as sliders, seeds and models.
import { html, useEffect } from "../vendor/preact-htm.js";
import { useUndo } from "../shell/address.js";
import { Icon } from "../shell/icons.js";

export function UndoButtons() {
  const [undo, redo] = useUndo(["face"]);
  useEffect(() => {
    const keys = (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.target.matches?.("input:not([type=range]), textarea")) return;
      const step = event.shiftKey ? redo : undo;
      if (step) (event.preventDefault(), step());
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });
  return html`<div class="row" role="group" aria-label="History">
    <button class="button" disabled=${!undo} onClick=${undo} title="Ctrl+Z"><${Icon} name="reset" /> Undo</button>
    <button class="button" disabled=${!redo} onClick=${redo} title="Ctrl+Shift+Z"><span class="mirrored"><${Icon} name="reset" /></span> Redo</button>
  </div>`;
}
