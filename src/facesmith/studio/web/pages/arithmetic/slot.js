// A slot for a face: tap it and choose a face, drag a face onto it, or type a seed.
import { html, useState } from "../../vendor/preact-htm.js";
import { showError } from "../../shell/toasts.js";
import { editedFaceRef, Face, parseEditedRef, parseFaceRef } from "../../components/face-refs.js";

export function Slot({ letter, description, face, model, active, onChoose, onFill }) {
  const [typed, setTyped] = useState(null);
  const [over, setOver] = useState(false);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    const dropped = event.dataTransfer.getData("text/plain");
    if (parseFaceRef(dropped)) onFill(dropped);
  };
  const input = (event) => {
    setTyped(event.target.value);
    const parsed = parseEditedRef(event.target.value);
    if (parsed) editedFaceRef(model.name, ...parsed).then(onFill, showError);
  };
  const written = parseFaceRef(face)?.photo ? "" : face;
  return html`<div class="slot ${over && "over"}" onDragOver=${(event) => (event.preventDefault(), setOver(true))}
    onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <button class="slot-face" aria-pressed=${active} aria-label="${letter}: ${description}. Select this slot, then choose a face"
      onClick=${onChoose}>
      <${Face} of=${face} model=${model.name} label="" shape=${model.size} /><span class="letter">${letter}</span>
    </button>
    <input type="text" aria-label="Seed of ${letter}" placeholder="your photo" spellcheck="false"
      autocomplete="off" value=${typed ?? written}
      onInput=${input} onBlur=${() => setTyped(null)} />
  </div>`;
}
