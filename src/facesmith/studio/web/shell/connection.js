// Whether the studio responds. If it does not, a notice is shown until it does, and pages then load again.
import { html } from "../vendor/preact-htm.js";
import { ROOT } from "./address.js";
import { Icon } from "./icons.js";
import { createListeners } from "./listeners.js";

const [WHILE_LOST, WHILE_FOUND] = [2000, 15_000]; // milliseconds between probes
let state = "found"; // or lost, or token: the studio asks for another one
let losses = 0; // pages are keyed by it
let timer = 0;
const { notify, useChanges } = createListeners();

function changeState(next) {
  if (next === state) return;
  if (state === "lost") losses++;
  state = next;
  notify();
}

async function probe() {
  clearTimeout(timer);
  if (!document.hidden || state === "lost") {
    try {
      const response = await fetch(`${ROOT}/healthz`, { cache: "no-store" });
      if (response.status >= 502) changeState("lost"); // a proxy responded
      else if (state === "lost") changeState("found");
    } catch {
      changeState("lost");
    }
  }
  timer = setTimeout(probe, state === "lost" ? WHILE_LOST : WHILE_FOUND);
}
timer = setTimeout(probe, WHILE_FOUND);
addEventListener("online", probe);

/** Tell that a request failed: `reason` is lost or token. */
export function reportFailure(reason) {
  changeState(reason);
  if (reason === "lost") probe();
}

/** [state, how often the studio was lost]. */
export function useConnection() {
  useChanges();
  return [state, losses];
}

export function ConnectionNotice() {
  const [now] = useConnection();
  return html`<div role="alert">${now !== "found" && html`<div class="connection">
    <${Icon} name="alert" />
    ${now === "lost"
      ? html`<span>The studio is not responding. This page reconnects automatically.</span>`
      : html`<span>The studio requires a token.</span><button class="button" onClick=${() => location.reload()}>Enter the token</button>`}
  </div>`}</div>`;
}
