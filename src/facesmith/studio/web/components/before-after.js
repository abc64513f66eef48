// Two images over each other, divided by a line that can be moved, and a button that shows the first while it is held.
import { html, useState } from "../vendor/preact-htm.js";

/** `before` and `after` are elements (images, canvases) of one shape; `shape` is [width, height]. */
export function BeforeAfter({ before, after, shape, labels = ["Before", "After"] }) {
  const [cut, setCut] = useState(50);
  const [held, setHeld] = useState(false);
  const place = held ? 100 : cut;
  // An invisible range input covers the images: it can be dragged anywhere, and works by keyboard.
  return html`<div class="before-after" style=${{ "--cut": `${place}%`, aspectRatio: `${shape[0]} / ${shape[1]}` }}>
    ${after}
    <div class="over">${before}</div>
    <input type="range" min="0" max="100" step="1" value=${cut} aria-label="${labels[0]} to ${labels[1].toLowerCase()}"
      onInput=${(event) => setCut(event.target.valueAsNumber)} />
    <div class="line" hidden=${place === 0 || place === 100} />
    <span class="tag b" hidden=${place < 15}>${labels[0]}</span><span class="tag a" hidden=${place > 85}>${labels[1]}</span>
  </div>
  <div class="row hold-row">
    <button class="button" aria-pressed=${cut === 0} onClick=${() => setCut(cut === 0 ? 50 : 0)}>${labels[1]} only</button>
    <${HoldButton} held=${held} onHold=${setHeld} />
  </div>`;
}

/** A button that is on while it is pressed, by pointer or by keyboard. */
export const HoldButton = ({ held, onHold }) => {
  const key = (on) => (event) => [" ", "Enter"].includes(event.key) && (event.preventDefault(), onHold(on));
  return html`<button class="button" aria-pressed=${held} onPointerDown=${() => onHold(true)} onPointerUp=${() => onHold(false)}
    onPointerLeave=${() => onHold(false)} onPointerCancel=${() => onHold(false)} onBlur=${() => onHold(false)}
    onKeyDown=${key(true)} onKeyUp=${key(false)} onContextMenu=${(event) => event.preventDefault()}>Hold to compare</button>`;
};
