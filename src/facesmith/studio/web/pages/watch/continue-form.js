// The form that continues a run, for a time from now on.
import { html, useState } from "../../vendor/preact-htm.js";
import { request } from "../../shell/api.js";
import { showError, showMessage } from "../../shell/toasts.js";
import { NumberInput } from "../../components/controls.js";
import { Dialog } from "../../components/dialog.js";
import { duration, imageCount } from "../../components/run-format.js";

/** Minutes that the run lacks to its own goal; 10 without one. */
function remainingMinutes({ goal_minutes: goal, seconds }) {
  const remaining = goal == null ? 0 : Math.ceil(goal - (seconds ?? 0) / 60);
  return remaining > 0 ? remaining : 10;
}

export function ContinueForm({ run: { name, info }, onClose }) {
  const [minutes, setMinutes] = useState(remainingMinutes(info));
  const [busy, setBusy] = useState(false);
  const begin = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await request(`/runs/${name}/resume`, { json: { additional_minutes: minutes } });
      showMessage(`${name} will continue for ${minutes === 1 ? "another minute" : `another ${minutes} minutes`}`);
      onClose();
    } catch (error) {
      showError(error);
      setBusy(false);
    }
  };
  const verb = info.status === "finished" ? "Continue" : "Resume";
  return html`<${Dialog} title=${`${verb} ${name}`} onClose=${onClose}>
    <form class="training-form" onSubmit=${begin}>
      <p class="muted">${name} has trained for ${duration(info.seconds ?? 0)}, on ${imageCount(info.kimg)} images. It continues exactly where it stopped.</p>
      <${NumberInput} label="Additional minutes" value=${minutes} low=${1} high=${129600} onChange=${setMinutes} />
      <div class="row spread"><p class="small muted" role="status">${busy && "Starting; this takes a few seconds."}</p>
        <button class="button primary" disabled=${busy}>${verb}</button></div>
    </form>
  <//>`;
}
