// One run: its newest faces, how far it is, its health, its curves.
import { html, useEffect, useMemo, useState } from "../../vendor/preact-htm.js";
import { request } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { showError, showMessage } from "../../shell/toasts.js";
import { themed, useTheme } from "../../shell/theme.js";
import { ItemActions } from "../../components/item-actions.js";
import { Dialog } from "../../components/dialog.js";
import { RunCharts } from "../../components/run-charts.js";
import { duration, healthOf, Status, imageCount } from "../../components/run-format.js";
import { ContinueForm } from "./continue-form.js";
import { SheetViewer } from "./sheet-viewer.js";
import { UseModel } from "./use-model.js";

const RunFact = ({ name, children }) => html`<div><dt>${name}</dt><dd class="number">${children}</dd></div>`;

/** The share of the goal and the time left now: the server says them only after each measurement. */
function useProgress(info) {
  const [now, setNow] = useState(performance.now());
  const since = useMemo(() => performance.now(), [info.share, info.seconds_left]);
  const isMoving = info.status === "running" && info.seconds_left != null && info.share != null;
  useEffect(() => {
    if (!isMoving) return;
    const timer = setInterval(() => setNow(performance.now()), 1000);
    return () => clearInterval(timer);
  }, [isMoving]);
  if (!isMoving) return { share: info.share, left: info.seconds_left };
  const elapsed = Math.min(60, Math.max(0, (now - since) / 1000), info.seconds_left);
  const rest = (1 - info.share) * (1 - elapsed / Math.max(info.seconds_left, 1));
  return { share: 1 - Math.max(0, rest), left: info.seconds_left - elapsed };
}

function RunFacts({ info, left }) {
  const going = info.status === "running";
  return html`<dl class="run-facts">
    <${RunFact} name="training images seen">${imageCount(info.kimg)}<//>
    ${info.epochs != null && html`<${RunFact} name="epochs">${info.epochs.toFixed(1)}<//>`}
    ${info.images_per_second != null && html`<${RunFact} name="images per second">${info.images_per_second.toPrecision(3)}<//>`}
    ${going
      ? html`<${RunFact} name="time left">${duration(left)}<//>`
      : html`<${RunFact} name="training time">${duration(info.seconds)}<//>`}
  </dl>`;
}

const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

function HealthStatus({ info }) {
  const { name, meaning } = healthOf(info);
  if (!name)
    return html`<p class="small muted" role="status">${info.status === "running" ? "Health has not been measured yet." : "The run ended before its health was measured."}</p>`;
  const healthy = info.health === "healthy";
  return html`<div class="health ${healthy ? "good" : "bad"}" role="status">
    <${Icon} name=${healthy ? "check" : "alert"} />
    <p><b>${capital(name)}.</b> ${capital(meaning)}</p>
  </div>`;
}

/** Buttons that control the training. */
function Actions({ run, onBranch, onChanged }) {
  const { info, name } = run;
  const [busy, setBusy] = useState(false);
  const [continuing, setContinuing] = useState(false);
  const [exporting, setExporting] = useState(false);
  const isFree = !info.here && info.status !== "running";
  const postAction = (path, text) => async () => {
    setBusy(true);
    try {
      await request(`/runs/${name}/${path}`, { method: "POST" });
      showMessage(text);
    } catch (error) {
      showError(error);
    }
    setBusy(false);
  };
  return html`
    ${info.here && info.status === "running" && html`<button class="button" disabled=${busy} onClick=${postAction("stop", `${name} is saving its checkpoint and stopping`)}><${Icon} name="pause" />Stop</button>`}
    ${isFree && info.kimg > 0 && html`<button class="button primary" onClick=${() => setExporting(true)}><${Icon} name="faces" />Use this model</button>`}
    ${exporting && html`<${UseModel} name=${name} onClose=${() => setExporting(false)} />`}
    ${isFree && html`<button class="button" onClick=${() => setContinuing(true)}><${Icon} name="play" />${info.status === "finished" ? "Continue" : "Resume"}</button>`}
    <button class="button" onClick=${onBranch}><${Icon} name="arithmetic" />Branch</button>
    ${!info.report && isFree && html`<button class="button" disabled=${busy} onClick=${postAction("report", `The report on ${name} has been written`)}>Write report</button>`}
    ${isFree && html`<${ItemActions} kind="runs" name=${name} onRenamed=${(to) => onChanged(name, to)} onDeleted=${() => onChanged(name, null)} />`}
    ${continuing && html`<${ContinueForm} run=${run} onClose=${() => setContinuing(false)} />`}`;
}

const TextList = ({ title, lines }) => lines.length > 0 && html`<h3>${title}</h3><ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>`;

export function RunPanel({ run, allowed, at, onMove, onBranch, onChanged }) {
  const { info } = run;
  const { share, left } = useProgress(info);
  const [film, setFilm] = useState(false);
  const theme = useTheme();
  return html`<article class="card panel" aria-label=${run.name}>
    <header class="row spread">
      <div><h2>${run.name}</h2><p class="small muted">${info.recipe} on ${info.dataset}</p></div>
      <${Status} status=${info.status} />
    </header>
    <div class="look">
      <${SheetViewer} run=${run} at=${at} onMove=${onMove} />
      <div class="facts">
        ${share != null && info.status === "running" &&
        html`<div class="progress"><progress aria-label=${`Progress of ${run.name}`} value=${share} max="1"></progress>
          <span class="number">${(100 * share).toFixed(1)}% of the goal</span></div>`}
        <${RunFacts} info=${info} left=${left} />
        <${HealthStatus} info=${info} />
        ${info.last_words && info.status !== "finished" && html`<p class="warning">${info.last_words}</p>`}
        ${info.status !== "running" && html`<p>${info.sentence}</p>`}
        ${info.warnings.map((text) => html`<p class="warning">${text}</p>`)}
        ${info.best && html`<p class="small muted">${info.status === "running" ? "Best so far" : "Best"}: ${info.best}.</p>`}
        <div class="row">
          ${info.here && info.status !== "running" && html`<p class="small muted" role="status">Writing the video and the report.</p>`}
          ${info.report && html`<a class="button" href=${themed(info.report, theme)} target="_blank">Report</a>`}
          ${info.video && html`<button class="button" onClick=${() => setFilm(true)}><${Icon} name="play" />Video</button>`}
          ${allowed && html`<${Actions} run=${run} onBranch=${onBranch} onChanged=${onChanged} />`}
        </div>
      </div>
    </div>
    <${RunCharts} runs=${[run]} />
    <details>
      <summary>Log</summary>
      <${TextList} title="Health" lines=${info.health_history} />
      <${TextList} title="Training" lines=${info.remarks} />
      <${TextList} title="History" lines=${info.history} />
    </details>
    <details>
      <summary>Recipe</summary>
      <div class="scroll" tabindex="0" role="region" aria-label=${`Settings of ${run.name}`}>
        <table class="plain-table"><tbody>
          ${Object.entries(info.settings).map(([name, value]) => html`<tr><th scope="row">${name}</th><td class="number">${String(value)}</td></tr>`)}
        </tbody></table>
      </div>
    </details>
    ${film && html`<${Dialog} title=${`Video of ${run.name}`} onClose=${() => setFilm(false)}>
      <video class="picture" src=${info.video} controls autoplay loop muted playsinline aria-label=${`Video of the sample sheets of ${run.name}`}></video>
    <//>`}
  </article>`;
}
