// A photo with the faces found in it, to choose one, and what a visitor should know about it.
import { html } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";
import { showError } from "../shell/toasts.js";
import { deletePhoto } from "./photo-store.js";

const percent = (part, total) => `${(100 * part) / total}%`;

/** `alternative` is a model for photos of faces, for the note that `model` is not. */
export function PhotoFaces({ photo, face, model, alternative, onPick, onForget }) {
  const [width, height] = photo.size;
  const boxed = model.aligned ? photo.faces.filter((item) => item.box) : [];
  const remove = () => deletePhoto(photo).then(() => onForget?.(), showError);
  return html`<figure class="photo-faces">
    <div class="whole" style=${{ "--ratio": width / height }}>
      <img src=${photo.url} alt="Your photo" width=${width} height=${height} />
      ${boxed.map(
        (item, index) => html`<button key=${item.id} class="box" aria-pressed=${item.face === face}
          aria-label="Face ${index + 1} of ${boxed.length}" onClick=${() => onPick(item.face)}
          style=${boxStyle(item.box, photo.size)} />`,
      )}
    </div>
    <figcaption class="row spread small muted">
      <span>${boxed.length ? faceCountText(boxed.length) : photo.aligned && model.aligned ? "Already cropped to one face" : "The whole photo is used"}</span>
      <button class="plain" onClick=${remove} aria-label="Delete this photo" title="Delete this photo">
        <${Icon} name="close" /></button>
    </figcaption>
    ${notes(photo, model, alternative).map((text) => html`<p class="note small" role="note" key=${text}><${Icon} name="alert" /><span>${text}</span></p>`)}
  </figure>`;
}

function notes(photo, model, alternative) {
  const found = [];
  if (!model.aligned)
    found.push(
      `${model.name} was trained on whole images, not on faces found in photos: the whole photo is scaled down to ` +
        `${model.size.join("x")} pixels.${alternative ? ` For photos, choose ${alternative}.` : ""}`,
    );
  else if (!photo.faces.length && !photo.aligned)
    found.push("No face was found. The whole photo is used as if it were one face, so the result will be poor. Choose a photo that shows a face from the front.");
  const { kind, c2pa } = photo.provenance ?? {};
  if (kind === "generated" || kind === "edited")
    found.push(`This photo is marked as ${kind === "generated" ? "AI-generated" : "edited by AI"}. Images made from it stay marked.`);
  if (c2pa) found.push("This photo has content credentials (a C2PA manifest). Images made from it do not keep them.");
  return found;
}

/** The position of a box, cut where it extends beyond the photo. */
function boxStyle([left, top, wide, high], [width, height]) {
  const [x, y] = [Math.max(0, left), Math.max(0, top)];
  return {
    left: percent(x, width),
    top: percent(y, height),
    width: percent(Math.min(width, left + wide) - x, width),
    height: percent(Math.min(height, top + high) - y, height),
  };
}

const faceCountText = (count) => (count === 1 ? "One face found" : `${count} faces found: select one`);
