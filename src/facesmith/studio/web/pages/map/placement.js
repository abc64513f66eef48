// The choice of a face to place on the map: a photo, a random face.
import { html } from "../../vendor/preact-htm.js";
import { Icon } from "../../shell/icons.js";
import { randomSeed } from "../../components/controls.js";
import { Face } from "../../components/face-refs.js";
import { PhotoInput } from "../../components/photo-input.js";
import { firstFace, photoFaceRefs, usePhotos } from "../../components/photo-store.js";

export function Placement({ map, face, onPick }) {
  const photos = usePhotos();
  const references = photoFaceRefs(photos);
  if (!map.placing || !map.layouts.length)
    return html`<p class="small muted">To place faces on this map, start the studio with its model, ${map.model}.</p>`;
  return html`<section class="placement row" aria-label="Place a face on the map">
    <h2>Place a face on the map</h2>
    ${references.map(
      (item, index) => html`<button key=${item} class="button found" aria-pressed=${item === face}
        aria-label="Face ${index + 1} of your photos" onClick=${() => onPick(item)}>
        <${Face} of=${item} model=${map.placing} what="cut" label="" /></button>`,
    )}
    <${PhotoInput} onUploaded=${(photo) => onPick(firstFace(photo))}>
      <button class="button" onClick=${() => onPick(`seed:${randomSeed()}`)}><${Icon} name="dice" />Random face</button>
      ${face && html`<button class="button" onClick=${() => onPick("")}><${Icon} name="close" />Remove face</button>`}
    <//>
  </section>`;
}
