// A face before and after, alone or in its photo, and what can be kept of it.
import { html, useLayoutEffect, useState } from "../../vendor/preact-htm.js";
import { ask } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { say } from "../../shell/toasts.js";
import { BeforeAfter } from "../../parts/before-after.js";
import { Segments } from "../../parts/controls.js";
import { bitmapOf, pictureOf, save } from "../../parts/faces.js";
import { useNewest } from "../../parts/newest.js";
import { Progress } from "../../parts/states.js";
import { Drawn } from "../../parts/wall.js";

export function Made({ model, direction, face, photo, strength, show, onShow, onLost }) {
  const [made, set] = useState(null);
  const [saving, work] = useState("");
  const whole = show === "whole" && Boolean(photo);
  const asked = { model: model.name, face, direction, strength, whole };
  const wish = useNewest(
    async (wanted, signal) => {
      try {
        const bitmap = await bitmapOf(ask("/makeover", { json: { ...wanted, format: "jpeg" }, signal, as: "blob" }));
        set((old) => (old?.bitmap.close(), { ...wanted, bitmap }));
      } catch (error) {
        if (error.status === 404) onLost();
        throw error;
      }
    },
    (one, other) => one.whole === other.whole,
  );
  useLayoutEffect(() => wish(asked), [direction, strength, whole]);
  const keep = async (format) => {
    work(format);
    try {
      const film = format === "gif" ? { strength: 1, whole: false, scale: 2 } : {};
      save(await ask("/makeover", { json: { ...asked, ...film, format }, as: "blob" }), `makeover.${format}`);
    } catch (error) {
      say(error);
    }
    work("");
  };
  if (!made) return html`<${Progress} label="The face is made over" />`;

  const before = made.whole
    ? html`<img src=${photo.url} alt="The photo before" />`
    : html`<img src=${pictureOf(face, model.name, "cut")} alt="The face before" />`;
  const after = html`<${Drawn} bitmap=${made.bitmap} of="${made.direction} ${made.strength} ${made.whole}"
    label="After, ${Math.round(made.strength * 100)} %" />`;
  const shape = made.whole ? photo.size : model.size;
  return html`<section class="made" aria-label="The makeover">
    <div class=${made.whole ? "wide" : "narrow"} style=${{ "--ratio": shape[0] / shape[1] }}><${BeforeAfter}
      before=${before} after=${after} shape=${shape} /></div>
    <div class="row spread">
      <${Segments} label="Show" hidden value=${whole ? "whole" : "face"} onChange=${onShow} options=${
        photo
          ? [
              ["face", "The face"],
              ["whole", "In the photo"],
            ]
          : [["face", "The face"]]
      } />
      <div class="row">
        <button class="button" disabled=${Boolean(saving)} onClick=${() => keep("png")}>
          <${Icon} name="download" /> PNG</button>
        <button class="button" disabled=${Boolean(saving)} onClick=${() => keep("gif")}
          title="There and back">${saving === "gif" ? "Making ..." : "GIF"}</button>
      </div>
    </div>
  </section>`;
}
