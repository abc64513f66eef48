// Refine the encoder's result step by step.
import { html, useEffect, useRef, useState } from "../../vendor/preact-htm.js";
import { events } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { showError } from "../../shell/toasts.js";
import { Progress } from "../../components/feedback.js";

const STEPS = 30; // as many as a server takes at once

/** `onRefined` gets the refined face. With `automatic`, a face is refined as soon as it is `ready`, once. `onUndo` goes
 * back to the encoder's face. */
export function Refine({ model, face, refined, ready, automatic, onRefined, onUndo, onStart }) {
  const [state, setState] = useState(null);
  const running = useRef();
  const wasStopped = useRef(false);
  useEffect(() => () => running.current?.abort(), []);
  const start = async () => {
    const control = (running.current = new AbortController());
    setState({ step: 0, steps: STEPS });
    try {
      const json = { model, face, steps: STEPS };
      for await (const { event, data } of events("/refine", { json, signal: control.signal })) {
        if (event === "progress") setState((old) => ({ ...old, ...data }));
        if (event === "error") throw new Error(data.error);
        if (event === "done") onRefined(data.face);
      }
    } catch (error) {
      showError(error);
    }
    if (!control.signal.aborted || wasStopped.current) setState(null);
  };
  useEffect(() => {
    if (automatic && ready && !refined && !running.current) start();
  }, [automatic, Boolean(ready)]);
  const stop = () => ((wasStopped.current = true), running.current.abort(), onUndo());
  if (state) {
    return html`<${Progress} label="Refining: step ${state.step} of ${state.steps}" value=${state.step / state.steps}>
      <button class="plain" aria-label="Stop refinement" onClick=${stop}>
        <${Icon} name="close" />
      </button>
    <//>`;
  }
  return html`<div class="field">
    ${
      refined
        ? html`<button class="button" onClick=${onUndo}><${Icon} name="reset" /> Undo refinement</button>`
        : html`<button class="button" onClick=${() => (onStart(), start())}><${Icon} name="makeover" /> Refine</button>`
    }
    <p class="small muted">
      ${refined ? "The reconstruction has been refined." : `Improve the reconstruction of the photo in ${STEPS} steps.`}
    </p>
  </div>`;
}
