// Export a run as a model, with its score and a sample, and open it where it is used.
import { html, useEffect, useState } from "../../vendor/preact-htm.js";
import { navigate, pageUrl } from "../../shell/address.js";
import { apiUrl, forgetModels, request } from "../../shell/api.js";
import { showError } from "../../shell/toasts.js";
import { Dialog } from "../../components/dialog.js";
import { Progress } from "../../components/feedback.js";

const PAGES = { generator: ["/", "Generate faces"], makeover: ["/makeover", "Open in Makeover"], classifier: ["/about", "Show the model card"] };

/** Starts the export when it is opened; closing it does not stop the export. */
export function UseModel({ name, onClose }) {
  const [info, set] = useState({ state: "running" });
  useEffect(() => {
    const control = new AbortController();
    const { signal } = control;
    const path = `/runs/${encodeURIComponent(name)}/export`;
    const ask = async () => {
      let state = await request(path, { signal });
      if (state.state !== "running") state = await request(path, { json: {}, signal });
      while (state.state === "running") {
        set(state);
        await new Promise((done) => setTimeout(done, 1000));
        if (signal.aborted) return;
        state = await request(path, { signal });
      }
      if (state.state === "done") forgetModels();
      set(state);
    };
    ask().catch((error) => signal.aborted || (showError(error), onClose()));
    return () => control.abort();
  }, []);
  const [page, text] = PAGES[info.kind] ?? [];
  return html`<${Dialog} title=${`Use the model of ${name}`} onClose=${onClose}>
    <div class="training-form" aria-live="polite">
      ${info.state === "running" && html`<${Progress} label="Exporting the model" /><p class="small muted">This takes up to a minute. You can close this window: the export continues.</p>`}
      ${info.state === "failed" && html`<p class="warning">${info.error}</p>`}
      ${info.score && html`<p>Best score: ${info.score}.</p>`}
      ${info.state === "done" && html`
        <p>The model is called <b>${info.model}</b>.</p>
        ${info.kind === "generator" && html`<img class="picture sample" width="8" height="4" src=${apiUrl("/generate", { model: info.model, seed: 0, count: 8, columns: 4 })} alt=${`Eight faces of ${info.model}`} />`}
        <div class="row"><button class="button primary" onClick=${() => navigate(pageUrl(page, { model: info.model }))}>${text}</button></div>`}
    </div>
  <//>`;
}
