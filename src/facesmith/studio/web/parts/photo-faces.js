// A whole photo with the faces found in it, to pick one.
import { html } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";
import { say } from "../shell/toasts.js";
import { forget } from "./photos.js";

const percent = (part, whole) => `${(100 * part) / whole}%`;

export function PhotoFaces({ photo, face, onPick, onForget }) {
  const [width, height] = photo.size;
  const boxed = photo.faces.filter((one) => one.box);
  const away = () => forget(photo).then(() => onForget?.(), say);
  return html`<figure class="photo-faces">
    <div class="whole">
      <img src=${photo.url} alt="The photo you brought" width=${width} height=${height} />
      ${boxed.map(
        (one, index) => html`<button key=${one.id} class="box" aria-pressed=${one.face === face}
          aria-label="Face ${index + 1} of ${boxed.length}" onClick=${() => onPick(one.face)}
          style=${placed(one.box, photo.size)} />`,
      )}
    </div>
    <figcaption class="row spread small quiet">
      <span>${said(boxed.length)}</span>
      <button class="plain" onClick=${away} aria-label="Forget this photo" title="Forget this photo">
        <${Icon} name="close" /></button>
    </figcaption>
  </figure>`;
}

const placed = ([left, top, wide, high], [width, height]) => ({
  left: percent(left, width),
  top: percent(top, height),
  width: percent(wide, width),
  height: percent(high, height),
});

const said = (count) =>
  count === 0 ? "Taken as a whole" : count === 1 ? "One face found" : `${count} faces found: pick one`;
