// Save or copy an image: at its own size, or enlarged.
import { html } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";
import { showError, showMessage, showWarning } from "../shell/toasts.js";
import { save } from "./images.js";

const SIDES = [256, 512]; // pixels of enlarged images

/** The scales of a model's images at which they can be saved: 1, and those that reach 256 and 512 pixels. */
export const saveScales = (size) =>
  [...new Set([1, ...SIDES.map((side) => Math.min(8, Math.max(1, Math.round(side / Math.max(...size)))))])];

/** `scales` are by default those of `saveScales`. `load(scale)` returns a PNG as a blob; `name(scale)` is the name of its file. */
export function SaveImage({ size, load, name, scales = saveScales(size) }) {
  const [width, height] = size;
  const download = async (scale) => {
    try {
      save(await load(scale), name(scale));
    } catch (error) {
      showError(error);
    }
  };
  const copy = async () => {
    try {
      if (!globalThis.ClipboardItem) throw new Error("This browser allows copying images only on https pages and on localhost: save the PNG instead");
      await navigator.clipboard.write([new ClipboardItem({ "image/png": load(1) })]);
      showMessage("Copied the image");
    } catch (error) {
      (error.status ? showError : showWarning)(error.status ? error : error.message || "The image could not be copied");
    }
  };
  return html`<div class="save-image">
    <div class="row">
      ${scales.map(
        (scale) => html`<button key=${scale} class="button ${scale === 1 && "primary"}" onClick=${() => download(scale)}
          title=${scale === 1 ? "At the size of the model's images" : `Enlarged ${scale}x with Lanczos: no detail is added`}>
          ${scale === 1 ? html`<${Icon} name="download" /> Save PNG` : `${width * scale}x${height * scale}`}</button>`,
      )}
      <button class="button" onClick=${copy}><${Icon} name="copy" /> Copy image</button>
    </div>
    <p class="small muted">${width}x${height} pixels${scales.length > 1 ? "; larger sizes are upscaled" : ""}.</p>
  </div>`;
}
