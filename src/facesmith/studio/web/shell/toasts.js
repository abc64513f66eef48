// Short notices at the edge: the server's sentence when something went wrong, or what was done.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-htm.js";
import { Icon } from "./icons.js";

let notices = [];
let count = 0;
let show = () => {};

function add(words, kind, seconds) {
  notices = notices.filter((one) => one.words !== words); // said again, it is not there twice
  const notice = { id: ++count, words, kind };
  notices = [...notices.slice(-3), notice];
  show(notices);
  setTimeout(() => drop(notice.id), seconds * 1000);
}

function drop(id) {
  notices = notices.filter((one) => one.id !== id);
  show(notices);
}

function sentence(words) {
  const text = words.slice(0, 1).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Say what went wrong. What was dropped because something newer was wanted is no error. */
export function say(error) {
  if (error?.name === "AbortError") return;
  if (!error?.status && error?.constructor?.name !== "Refusal") console.error(error);
  add(sentence(error?.message ?? String(error)), "error", 10);
}

/** Tell what was done. */
export const tell = (words) => add(sentence(words), "done", 4);

export function Toasts() {
  const [shown, set] = useState(notices);
  useEffect(() => {
    show = set;
    set(notices);
    return () => (show = () => {});
  }, []);
  const place = useRef();
  useLayoutEffect(() => {
    // A popover shown last lies above dialogs too, which are where many things go wrong.
    if (place.current.matches(":popover-open")) place.current.hidePopover();
    if (shown.length) place.current.showPopover();
  }, [shown]);
  // What is read aloud must have been there, empty, before: a popover that is shut is not.
  return html`<div class="unseen" role="status">${shown.at(-1)?.words}</div>
    <div class="toasts" ref=${place} popover="manual">
    ${shown.map(
      (one) => html`<div key=${one.id} class="toast ${one.kind}">
        <${Icon} name=${one.kind === "error" ? "alert" : "check"} /><span>${one.words}</span>
        <button class="plain" aria-label="Dismiss" onClick=${() => drop(one.id)}><${Icon} name="close" /></button>
      </div>`,
    )}
  </div>`;
}
