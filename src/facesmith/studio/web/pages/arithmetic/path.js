// An animation between faces, played in the page and saved as GIF or MP4.
import { html, useState } from "../../vendor/preact-htm.js";
import { request, useLoad } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { SegmentedControl, Slider } from "../../components/controls.js";
import { Face, parseFaceRef } from "../../components/face-refs.js";
import { decodeBitmap, download } from "../../components/images.js";
import { Progress } from "../../components/feedback.js";
import { Player } from "./player.js";

export const MAX_STOPS = 16; // faces of an animation
const [COLUMNS, SPEED] = [8, 16]; // of the sheet of frames; frames per second

export function PathEditor({ model, stops, frames, end, onChange }) {
  const [saving, setSaving] = useState("");
  const body = { model: model.name, faces: stops, frames, loop: end === "loop", fps: SPEED };
  const ready = stops.length > 1;
  const { value: animation } = useLoad(
    async (signal) =>
      ready && {
        frames,
        bitmap: await decodeBitmap(
          request("/interpolate", { json: { ...body, format: "jpeg", columns: COLUMNS }, signal, as: "blob" }),
        ),
      },
    [JSON.stringify(body), model.digest],
  );
  const { value: formats } = useLoad((signal) => request("/films", { signal }), []); // not every server writes mp4
  const saveAs = async (format) => {
    setSaving(format);
    await download("/interpolate", { ...body, format, scale: 4 }, `animation.${format}`);
    setSaving("");
  };
  const without = (place) => onChange({ stop: stops.filter((_, index) => index !== place) });
  const move = (place, by) => {
    const next = [...stops];
    [next[place], next[place + by]] = [next[place + by], next[place]];
    onChange({ stop: next });
  };
  const drop = (event) => {
    event.preventDefault();
    const face = event.dataTransfer.getData("text/plain");
    if (parseFaceRef(face) && stops.length < MAX_STOPS) onChange({ stop: [...stops, face] });
  };
  return html`<section class="path-editor" aria-label="Animation">
    <ol class="stops" aria-label="Faces of the animation" onDragOver=${(event) => event.preventDefault()}
      onDrop=${drop}>
      ${stops.map(
        (face, place) => html`<li key="${face} ${place}">
        <${Face} of=${face} model=${model.name} label="Face ${place + 1} of the animation" shape=${model.size} />
        <div class="row">
          <button class="plain" disabled=${place === 0} aria-label="Move face ${place + 1} earlier"
            onClick=${() => move(place, -1)}><${Icon} name="left" /></button>
          <button class="plain" disabled=${stops.length <= 2} aria-label="Remove face ${place + 1}"
            onClick=${() => without(place)}><${Icon} name="close" /></button>
          <button class="plain" disabled=${place === stops.length - 1} aria-label="Move face ${place + 1} later"
            onClick=${() => move(place, 1)}><${Icon} name="right" /></button>
        </div>
      </li>`,
      )}
    </ol>
    ${
      animation
        ? html`<${Player} bitmap=${animation.bitmap} frames=${animation.frames} columns=${COLUMNS} shape=${model.size}
          speed=${SPEED} loop=${end === "loop"} />`
        : html`<${Progress} label="Generating faces" />`
    }
    <div class="row spread">
      <${SegmentedControl} label="At the end" hidden value=${end} onChange=${(choice) => onChange({ end: choice })} options=${[
        ["loop", "Loop"],
        ["once", "Play once"],
      ]} />
      <${Slider} label="Frames" value=${frames} low=${8} high=${192} step=${8}
        onInput=${(count) => onChange({ frames: count })} />
      <div class="row">
        ${(formats?.formats ?? ["gif"]).map(
          (format) => html`<button key=${format} class="button" disabled=${Boolean(saving) || !ready}
            onClick=${() => saveAs(format)}>
          <${Icon} name="download" /> ${saving === format ? "Encoding…" : format.toUpperCase()}</button>`,
        )}
      </div>
    </div>
  </section>`;
}
