// The makeover of a face, alone or in its photo.
import { html, useLayoutEffect, useState } from "../../vendor/preact-htm.js";
import { request } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { showError } from "../../shell/toasts.js";
import { BeforeAfter } from "../../components/before-after.js";
import { SegmentedControl } from "../../components/controls.js";
import { decodeBitmap, faceImageUrl, save } from "../../components/face-refs.js";
import { useLatestRequest } from "../../components/latest-request.js";
import { Progress } from "../../components/feedback.js";
import { BitmapCanvas } from "../../components/face-grid.js";

export function MakeoverResult({ model, direction, face, photo, strength, show, onShow, onLost }) {
  const [result, set] = useState(null);
  const [saving, work] = useState("");
  const whole = show === "whole" && Boolean(photo);
  const body = { model: model.name, face, direction, strength, whole };
  const sendLatest = useLatestRequest(
    async (value, signal) => {
      try {
        const bitmap = await decodeBitmap(request("/makeover", { json: { ...value, format: "jpeg" }, signal, as: "blob" }));
        set((old) => (old?.bitmap.close(), { ...value, bitmap }));
      } catch (error) {
        if (error.status === 404) onLost();
        throw error;
      }
    },
    (item, next) => item.whole === next.whole,
  );
  useLayoutEffect(() => sendLatest(body), [direction, strength, whole]);
  const download = async (format) => {
    work(format);
    try {
      const film = format === "gif" ? { strength: 1, whole: false, scale: 2 } : {};
      save(await request("/makeover", { json: { ...body, ...film, format }, as: "blob" }), `makeover.${format}`);
    } catch (error) {
      showError(error);
    }
    work("");
  };
  if (!result) return html`<${Progress} label="Applying the makeover" />`;

  const before = result.whole
    ? html`<img src=${photo.url} alt="The original photo" />`
    : html`<img src=${faceImageUrl(face, model.name, "cut")} alt="The original face" />`;
  const after = html`<${BitmapCanvas} bitmap=${result.bitmap} of="${result.direction} ${result.strength} ${result.whole}"
    label="After, ${Math.round(result.strength * 100)}%" />`;
  const shape = result.whole ? photo.size : model.size;
  return html`<section class="makeover-result" aria-label="Makeover">
    <div class=${result.whole ? "wide" : "narrow"} style=${{ "--ratio": shape[0] / shape[1] }}><${BeforeAfter}
      before=${before} after=${after} shape=${shape} /></div>
    <div class="row spread">
      <${SegmentedControl} label="Show" hidden value=${whole ? "whole" : "face"} onChange=${onShow} options=${
        photo
          ? [
              ["face", "Face only"],
              ["whole", "In the photo"],
            ]
          : [["face", "Face only"]]
      } />
      <div class="row">
        <button class="button" disabled=${Boolean(saving)} onClick=${() => download("png")}>
          <${Icon} name="download" /> PNG</button>
        <button class="button" disabled=${Boolean(saving)} onClick=${() => download("gif")}
          title="Animate from the original to the makeover and back">${saving === "gif" ? "Encoding ..." : "GIF"}</button>
      </div>
    </div>
  </section>`;
}
