// A window above the page: the browser's own dialog, which keeps the focus inside, and gives it back.
import { html, useEffect, useRef } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";

/** A modal dialog, open while it is rendered. `onClose` must stop rendering it. */
export function Dialog({ title, onClose, children, onKeyDown }) {
  const dialog = useRef();
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement; // a dialog that is taken out of the page gives no focus back by itself
    element.showModal();
    return () => (element.close(), before?.isConnected && before.focus());
  }, []);
  const outside = (event) => event.target === dialog.current && onClose();
  return html`<dialog ref=${dialog} aria-label=${title} onCancel=${(event) => (event.preventDefault(), onClose())}
    onClick=${outside} onKeyDown=${onKeyDown}>
    <div class="head">
      <h2>${title}</h2>
      <button class="plain" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button>
    </div>
    <div class="body">${children}</div>
  </dialog>`;
}
