// A photo with the faces found in it, to choose one.
import { html } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";
import { showError } from "../shell/toasts.js";
import { deletePhoto } from "./photo-store.js";

const percent = (part, total) => `${(100 * part) / total}%`;

export function PhotoFaces({ photo, face, onPick, onForget }) {
  const [width, height] = photo.size;
  const boxed = photo.faces.filter((item) => item.box);
  const away = () => deletePhoto(photo).then(() => onForget?.(), showError);
  return html`<figure class="photo-faces">
    <div class="whole">
      <img src=${photo.url} alt="Your photo" width=${width} height=${height} />
      ${boxed.map(
        (item, index) => html`<button key=${item.id} class="box" aria-pressed=${item.face === face}
          aria-label="Face ${index + 1} of ${boxed.length}" onClick=${() => onPick(item.face)}
          style=${boxStyle(item.box, photo.size)} />`,
      )}
    </div>
    <figcaption class="row spread small muted">
      <span>${faceCountText(boxed.length)}</span>
      <button class="plain" onClick=${away} aria-label="Delete this photo" title="Delete this photo">
        <${Icon} name="close" /></button>
    </figcaption>
  </figure>`;
}

const boxStyle = ([left, top, wide, high], [width, height]) => ({
  left: percent(left, width),
  top: percent(top, height),
  width: percent(wide, width),
  height: percent(high, height),
});

const faceCountText = (count) =>
  count === 0 ? "The whole photo is used" : count === 1 ? "One face found" : `${count} faces found: select one`;
