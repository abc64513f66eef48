// Face A with the style of face B, from each level on.
import { html } from "../../vendor/preact-htm.js";
import { request, useLoad } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { BitmapCanvas } from "../../components/face-grid.js";
import { decodeBitmap, download } from "../../components/images.js";
import { Progress } from "../../components/feedback.js";

export function StyleMix({ model, face, style }) {
  const body = { model: model.name, face, style };
  const { value: row } = useLoad(
    (signal) => decodeBitmap(request("/style-mix", { json: { ...body, format: "jpeg" }, signal, as: "blob" })),
    [JSON.stringify(body), model.digest],
  );
  return html`<div class="styles">
    <div class="row spread">
      <h2>Face A in the style of B</h2>
      <button class="button" onClick=${() => download("/style-mix", { ...body, format: "png" }, "style-mix.png")}>
        <${Icon} name="download" /> PNG</button>
    </div>
    ${
      row
        ? html`<figure><${BitmapCanvas} bitmap=${row} of="${face} ${style}"
            label="Face A with the style of face B at fewer and fewer levels" />
            <div class="corners"><span>All levels</span><span>Only the finest</span></div></figure>`
        : html`<${Progress} label="Generating faces" />`
    }
  </div>`;
}
