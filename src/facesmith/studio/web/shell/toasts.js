// Short notices: the server's error message, or a confirmation.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-htm.js";
import { Icon } from "./icons.js";

let notices = [];
let count = 0;
let show = () => {};

function add(message, kind, seconds) {
  notices = notices.filter((item) => item.message !== message); // the same notice is shown only once
  const notice = { id: ++count, message, kind };
  notices = [...notices.slice(-3), notice];
  show(notices);
  setTimeout(() => drop(notice.id), seconds * 1000);
}

function drop(id) {
  notices = notices.filter((item) => item.id !== id);
  show(notices);
}

function sentence(message) {
  const text = message.slice(0, 1).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Show an error. An aborted request is not an error. */
export function showError(error) {
  if (error?.name === "AbortError") return;
  if (error?.name !== "ApiError") console.error(error); // a defect of this page
  add(sentence(error?.message ?? String(error)), "error", 10);
}

/** Show that something went differently than expected. */
export const showWarning = (message) => add(sentence(message), "warning", 8);

/** Show a confirmation. */
export const showMessage = (message) => add(sentence(message), "done", 4);

export function Toasts() {
  const [visible, setVisible] = useState(notices);
  useEffect(() => {
    show = setVisible;
    setVisible(notices);
    return () => (show = () => {});
  }, []);
  const place = useRef();
  useLayoutEffect(() => {
    // Showing the popover again puts it above dialogs that were opened since.
    if (place.current.matches(":popover-open")) place.current.hidePopover();
    if (visible.length) place.current.showPopover();
  }, [visible]);
  // Screen readers announce changes only in an element that was rendered before; a closed popover is not.
  return html`<div class="visually-hidden" role="status">${visible.at(-1)?.message}</div>
    <div class="toasts" ref=${place} popover="manual">
    ${visible.map(
      (item) => html`<div key=${item.id} class="toast ${item.kind}">
        <${Icon} name=${item.kind === "done" ? "check" : "alert"} /><span>${item.message}</span>
        <button class="plain" aria-label="Dismiss" onClick=${() => drop(item.id)}><${Icon} name="close" /></button>
      </div>`,
    )}
  </div>`;
}
