// A place for a face: tapped, it waits for the next one from the tray; dragged onto or typed into, it takes that.
import { html, useState } from "../../vendor/preact-htm.js";
import { Face, parsed } from "../../parts/faces.js";

export function Slot({ letter, words, face, model, active, onChoose, onFill }) {
  const [typed, type] = useState(null);
  const [over, hover] = useState(false);
  const drop = (event) => {
    event.preventDefault();
    hover(false);
    const dropped = event.dataTransfer.getData("text/plain");
    if (parsed(dropped)) onFill(dropped);
  };
  const input = (event) => {
    type(event.target.value);
    if (parsed(event.target.value.trim())) onFill(event.target.value.trim());
  };
  const written = parsed(face)?.photo ? "" : face;
  return html`<div class="slot ${over && "over"}" onDragOver=${(event) => (event.preventDefault(), hover(true))}
    onDragLeave=${() => hover(false)} onDrop=${drop}>
    <button class="hold" aria-pressed=${active} aria-label="${letter}: ${words}. Choose it, then a face"
      onClick=${onChoose}>
      <${Face} of=${face} model=${model.name} label="" shape=${model.size} /><span class="letter">${letter}</span>
    </button>
    <input type="text" aria-label="${letter} by its seed" placeholder="your photo" spellcheck="false"
      autocomplete="off" value=${typed ?? written}
      onInput=${input} onBlur=${() => type(null)} />
  </div>`;
}
