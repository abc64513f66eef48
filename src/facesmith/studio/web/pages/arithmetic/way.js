// A way through faces as a film that plays in the page, and is saved as GIF or MP4.
import { html, useState } from "../../vendor/preact-htm.js";
import { ask, useLoad } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { say } from "../../shell/toasts.js";
import { Segments, Slider } from "../../parts/controls.js";
import { bitmapOf, Face, parsed, save } from "../../parts/faces.js";
import { Progress } from "../../parts/states.js";
import { Player } from "./player.js";

const [COLUMNS, SPEED] = [8, 16];

export function Way({ model, stops, frames, end, onChange }) {
  const [saving, work] = useState("");
  const asked = { model: model.name, faces: stops, frames, loop: end === "loop", fps: SPEED };
  const ready = stops.length > 1;
  const { value: film } = useLoad(
    async (signal) =>
      ready && {
        frames,
        bitmap: await bitmapOf(
          ask("/interpolate", { json: { ...asked, format: "jpeg", columns: COLUMNS }, signal, as: "blob" }),
        ),
      },
    [JSON.stringify(asked), model.digest],
  );
  const { value: films } = useLoad((signal) => ask("/films", { signal }), []); // not every server writes mp4
  const keep = async (format) => {
    work(format);
    try {
      save(await ask("/interpolate", { json: { ...asked, format, scale: 4 }, as: "blob" }), `way.${format}`);
    } catch (error) {
      say(error);
    }
    work("");
  };
  const without = (place) => onChange({ stop: stops.filter((_, other) => other !== place) });
  const moved = (place, by) => {
    const next = [...stops];
    [next[place], next[place + by]] = [next[place + by], next[place]];
    onChange({ stop: next });
  };
  const drop = (event) => {
    event.preventDefault();
    const face = event.dataTransfer.getData("text/plain");
    if (parsed(face) && stops.length < 16) onChange({ stop: [...stops, face] });
  };
  return html`<section class="way" aria-label="Animation">
    <ol class="stops" aria-label="The faces it goes through" onDragOver=${(event) => event.preventDefault()}
      onDrop=${drop}>
      ${stops.map(
        (face, place) => html`<li key="${face} ${place}">
        <${Face} of=${face} model=${model.name} label="Face ${place + 1} of the way" shape=${model.size} />
        <div class="row">
          <button class="plain" disabled=${place === 0} aria-label="Face ${place + 1} earlier"
            onClick=${() => moved(place, -1)}><${Icon} name="left" /></button>
          <button class="plain" disabled=${stops.length <= 2} aria-label="Leave out face ${place + 1}"
            onClick=${() => without(place)}><${Icon} name="close" /></button>
          <button class="plain" disabled=${place === stops.length - 1} aria-label="Face ${place + 1} later"
            onClick=${() => moved(place, 1)}><${Icon} name="right" /></button>
        </div>
      </li>`,
      )}
    </ol>
    ${
      film
        ? html`<${Player} bitmap=${film.bitmap} frames=${film.frames} columns=${COLUMNS} shape=${model.size}
          speed=${SPEED} loop=${end === "loop"} />`
        : html`<${Progress} label="Faces are made" />`
    }
    <div class="row spread">
      <${Segments} label="At the end" hidden value=${end} onChange=${(chosen) => onChange({ end: chosen })} options=${[
        ["loop", "Closed loop"],
        ["once", "There only"],
      ]} />
      <${Slider} label="Frames" value=${frames} low=${8} high=${192} step=${8}
        onInput=${(count) => onChange({ frames: count })} />
      <div class="row">
        ${(films?.formats ?? ["gif"]).map(
          (format) => html`<button key=${format} class="button" disabled=${Boolean(saving) || !ready}
            onClick=${() => keep(format)}>
          <${Icon} name="download" /> ${saving === format ? "Making ..." : format.toUpperCase()}</button>`,
        )}
      </div>
    </div>
  </section>`;
}
