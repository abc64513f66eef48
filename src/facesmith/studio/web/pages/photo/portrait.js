// The photo, what the model makes of it, and what it becomes by the sliders.
import { html, useLayoutEffect, useState } from "../../vendor/preact-htm.js";
import { ask } from "../../shell/api.js";
import { setWords } from "../../shell/fields.js";
import { Icon } from "../../shell/icons.js";
import { say } from "../../shell/toasts.js";
import { changesInWords } from "../../parts/attributes.js";
import { BeforeAfter } from "../../parts/before-after.js";
import { Segments } from "../../parts/controls.js";
import { bitmapOf, parsed, pictureOf, save } from "../../parts/faces.js";
import { usePlace } from "../../parts/maps.js";
import { useNewest } from "../../parts/newest.js";
import { Progress } from "../../parts/states.js";
import { Drawn } from "../../parts/wall.js";

/** `face` is what was found, `used` the same or its refined one, `encoded` what the model says of that. */
export function Portrait({ model, face, used, encoded, changes, view, onView }) {
  const [made, show] = useState(null);
  const brought = Boolean(parsed(face).photo);
  const place = usePlace(model);
  const wish = useNewest(async (wanted, signal) => {
    const json = { model: model.name, faces: [used], edits: [wanted], format: "jpeg" };
    const bitmap = await bitmapOf(ask("/edit", { json, signal, as: "blob" }));
    show((old) => (old?.bitmap.close(), { bitmap, changes: wanted }));
  });
  useLayoutEffect(() => {
    if (encoded) wish(changes);
  }, [encoded, setWords(changes).join()]);
  if (!encoded || !made)
    return html`<${Progress} label=${brought ? "The model looks at the face" : "The face is made"} />`;

  const words = changesInWords(made.changes);
  const changed = Object.keys(made.changes).length > 0;
  const before = html`<img class="face" src=${pictureOf(face, model.name, brought ? "cut" : "made")}
    alt=${brought ? "The face in the photo" : "The face as it is"} />`;
  const rebuilt = html`<img class="face" src=${pictureOf(used, model.name)} alt="The face as the model makes it" />`;
  const after = html`<${Drawn} class="face" bitmap=${made.bitmap} of=${setWords(made.changes).join() || "as it is"}
    label=${words} />`;
  const keepIt = async () => {
    try {
      const blob = await ask("/edit", {
        json: { model: model.name, faces: [used], edits: [changes], format: "png" },
        as: "blob",
      });
      save(blob, `face-${setWords(changes).join("-").replaceAll(":", "") || "rebuilt"}.png`);
    } catch (error) {
      say(error);
    }
  };
  const tiles = [
    [before, brought ? "Photo" : "As it is"],
    ...(brought ? [[rebuilt, `Rebuilt · ${encoded.score.toFixed(1)} dB`]] : []),
    ...(changed ? [[after, words]] : []),
  ];
  return html`<section class="portrait" aria-label="The face">
    ${
      view === "line"
        ? html`<div class="line-view"><${BeforeAfter} before=${before} after=${after} shape=${model.size} /></div>`
        : html`<div class="side-view" style=${{ "--shape": `${model.size[0]} / ${model.size[1]}` }}>
          ${tiles.map(([tile, said]) => html`<figure key=${said === words ? "changed" : said}>${tile}<figcaption
            class="small quiet">${said}</figcaption></figure>`)}
        </div>`
    }
    <div class="row spread">
      <${Segments} label="View" hidden value=${view} onChange=${onView} options=${[
        ["line", "Before | after"],
        ["side", "Side by side"],
      ]} />
      <div class="row">
        ${place && html`<a class="button" href=${place(used)}><${Icon} name="map" /> On the map</a>`}
        <button class="button" onClick=${keepIt}><${Icon} name="download" /> PNG</button>
      </div>
    </div>
  </section>`;
}
