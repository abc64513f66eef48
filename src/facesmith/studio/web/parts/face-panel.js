// One face of many: large, to be saved, shared, described, and taken to other pages.
import { html, useState } from "../vendor/preact-htm.js";
import { go, here } from "../shell/address.js";
import { ask, at, useLoad } from "../shell/api.js";
import { setWords } from "../shell/fields.js";
import { Icon } from "../shell/icons.js";
import { say, tell } from "../shell/toasts.js";
import { changesInWords } from "./attributes.js";
import { Dialog } from "./dialog.js";
import { changedFace } from "./faces.js";
import { usePlace } from "./maps.js";
import { Neighbours } from "./neighbours.js";
import { copy } from "./states.js";
import { TopFive } from "./top-five.js";

export function FacePanel({ model, seed, index, count, truncation, changes, reference, onMove, onClose }) {
  const [sought, seek] = useState(null);
  const query = {
    model: model.name,
    digest: model.digest.slice(0, 16),
    seed,
    start: index,
    truncation,
    set: setWords(changes),
  };
  const keys = (event) => {
    if (event.target.closest("select, input")) return;
    if (event.key === "ArrowLeft" && index > 0) onMove(index - 1);
    if (event.key === "ArrowRight" && index < count - 1) onMove(index + 1);
  };
  const place = usePlace(model);
  const take = async (address) => {
    try {
      go(address(await changedFace(model.name, reference, changes)));
    } catch (error) {
      say(error);
    }
  };
  const as = (page, field) => (face) => `${page}?${new URLSearchParams({ model: model.name, [field]: face })}`;
  const { value: told } = useLoad(
    async (signal) => {
      if (!model.attributes.length) return null;
      const face = await changedFace(model.name, reference, changes, signal);
      return (await ask("/describe", { json: { model: model.name, face, top: 5 }, signal })).attributes;
    },
    [model.digest, reference, setWords(changes).join()],
  );
  const shape = { "--shape": `${model.size[0]} / ${model.size[1]}` };
  return html`<${Dialog} title="Face ${index} of seed ${seed}" onClose=${onClose} onKeyDown=${keys}>
    <div class="face-panel">
      <div class="portrait">
        <img class="face" style=${shape} src=${at("/generate", { ...query, format: "png" })}
          alt="Face ${index} of seed ${seed}" />
        <button class="button turn left" disabled=${index === 0} aria-label="The face before"
          onClick=${() => onMove(index - 1)}><${Icon} name="left" /></button>
        <button class="button turn right" disabled=${index === count - 1} aria-label="The next face"
          onClick=${() => onMove(index + 1)}><${Icon} name="right" /></button>
      </div>
      <div class="about">
        <p class="small quiet">Made up by ${model.name}. ${changesInWords(changes)}.</p>
        <div class="row">
          <a class="button primary" download href=${at("/generate", { ...query, format: "png" })}>
            <${Icon} name="download" /> Save PNG</a>
          <button class="button" onClick=${() => copy(reference, tell)}><${Icon} name="copy" /> Copy seed</button>
          <button class="button" onClick=${() => copy(here(), tell)}><${Icon} name="link" /> Share link</button>
        </div>
        <div class="row">
          ${["a", "b", "c"].map(
            (slot) => html`<button class="button" key=${slot} onClick=${() => take(as("/arithmetic", slot))}
            aria-label="Take it to Arithmetic as ${slot.toUpperCase()}">${slot.toUpperCase()}</button>`,
          )}
          <span class="small quiet">to Arithmetic</span>
        </div>
        <div class="row">
          ${model.encoder && html`<button class="button" onClick=${() => take(as("/photo", "face"))}>
            <${Icon} name="sliders" /> Change it alone</button>`}
          ${place && html`<button class="button" onClick=${() => take(place)}><${Icon} name="map" /> On the map</button>`}
        </div>
        ${told && html`<${TopFive} attributes=${told} />`}
        <${Neighbours} key=${reference} model=${model} face=${() => changedFace(model.name, reference, changes)}
          sought=${sought} onSeek=${seek} />
      </div>
    </div>
  <//>`;
}
