// Refine the encoder's result step by step.
import { html, useEffect, useRef, useState } from "../../vendor/preact-htm.js";
import { events } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { showError } from "../../shell/toasts.js";
import { Progress } from "../../components/feedback.js";

const STEPS = 30; // as many as a server takes at once

/** `onRefined` gets the refined face, or "" to go back to the encoder's. */
export function Refine({ model, face, refined, onRefined }) {
  const [state, set] = useState(null);
  const running = useRef();
  useEffect(() => () => running.current?.abort(), []);
  const start = async () => {
    running.current = new AbortController();
    set({ step: 0, steps: STEPS });
    try {
      const json = { model, face, steps: STEPS };
      for await (const { event, data } of events("/refine", { json, signal: running.current.signal })) {
        if (event === "progress") set((old) => ({ first: data.score, ...old, ...data }));
        if (event === "error") throw new Error(data.error);
        if (event === "done") onRefined(data.face);
      }
    } catch (error) {
      showError(error);
    }
    set(null);
  };
  if (state) {
    const gained = state.score == null ? "" : `, ${state.score.toFixed(1)} dB`;
    return html`<${Progress} label="Step ${state.step} of ${state.steps}${gained}" value=${state.step / state.steps}>
      <button class="plain" aria-label="Stop refinement" onClick=${() => running.current.abort()}>
        <${Icon} name="close" />
      </button>
    <//>`;
  }
  return html`<div class="field">
    ${
      refined
        ? html`<button class="button" onClick=${() => onRefined("")}>
          <${Icon} name="reset" /> Undo refinement
        </button>`
        : html`<button class="button" onClick=${start}><${Icon} name="makeover" /> Refine</button>`
    }
    <p class="small muted">
      ${refined ? "The reconstruction has been refined." : `Improve the reconstruction of the photo in ${STEPS} steps.`}
    </p>
  </div>`;
}
