// B - A + C: the difference from A to B, added to C, and the faces between the four.
import { html } from "../../vendor/preact-htm.js";
import { navigate, pageUrl } from "../../shell/address.js";
import { request, useLoad } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { Slider } from "../../components/controls.js";
import { Face } from "../../components/face-refs.js";
import { decodeBitmap, download } from "../../components/images.js";
import { Placeholder, Progress } from "../../components/feedback.js";
import { BitmapCanvas } from "../../components/face-grid.js";
import { Slot } from "./slot.js";

const DESCRIPTIONS = { a: "a similar face without the attribute", b: "a face with the attribute", c: "the face to change" };

export function Analogy({ model, slots, active, onChoose, onFill, size, onSize }) {
  const body = { model: model.name, a: slots.a, b: slots.b, c: slots.c, rows: size, columns: size };
  const on = [model.digest, slots.a, slots.b, slots.c];
  const { value: sum, loading } = useLoad(
    (signal) => request("/analogy", { json: { ...body, format: "json" }, signal }),
    on,
  );
  const { value: grid } = useLoad(
    async (signal) => ({
      of: on.join(),
      size,
      bitmap: await decodeBitmap(request("/analogy", { json: { ...body, format: "jpeg" }, signal, as: "blob" })),
    }),
    [...on, size],
  );
  const saveAs = (format) => download("/analogy", { ...body, format, scale: format === "png" ? 1 : 4 }, `analogy.${format}`);
  const slot = (letter) => html`<${Slot} key=${letter} letter=${letter.toUpperCase()} description=${DESCRIPTIONS[letter]}
    face=${slots[letter]}
    model=${model}
    active=${active === letter} onChoose=${() => onChoose(letter)} onFill=${(face) => onFill(letter, face)} />`;
  return html`<section class="analogy" aria-label="B minus A plus C" aria-busy=${loading}>
    <div class="equation">
      ${slot("b")}<span class="sign" aria-label="minus">−</span>${slot("a")}<span class="sign"
        aria-label="plus">+</span>${slot("c")}
      <span class="sign" aria-label="is">=</span>
      <div class="slot result">
        ${
          sum
            ? html`<${Face} of=${sum.face} model=${model.name} label="B minus A plus C" shape=${model.size} />
          <button class="button" disabled=${!model.encoder}
            onClick=${() => navigate(pageUrl("/photo", { model: model.name, face: sum.face }))}>
            <${Icon} name="sliders" /> Edit this face</button>`
            : html`<${Placeholder} shape=${model.size} /><span class="button" aria-hidden="true">…</span>`
        }
      </div>
    </div>
    <div class="between">
      <div class="row spread">
        <h2>Faces in between</h2>
        <div class="row">
          <${Slider} label="Grid size" value=${size} low=${2} high=${12} step=${1} onInput=${onSize} />
          <button class="button" onClick=${() => saveAs("png")}><${Icon} name="download" /> PNG</button>
          <button class="button" onClick=${() => saveAs("gif")} title="Animation along the border of the grid">GIF</button>
        </div>
      </div>
      ${
        grid
          ? html`<figure><div class="corners"><span>A</span><span>B</span></div>
            <${BitmapCanvas} bitmap=${grid.bitmap} of="${grid.of},${grid.size}"
              label="Grid of faces with A, B, C and B minus A plus C in the corners" />
            <div class="corners"><span>C</span><span>B − A + C</span></div></figure>`
          : html`<figure><${Progress} label="Generating faces" /><${Placeholder} shape=${model.size} /></figure>`
      }
    </div>
  </section>`;
}
