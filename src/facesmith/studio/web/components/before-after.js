// Two images over each other, divided by a line that can be moved.
import { html, useState } from "../vendor/preact-htm.js";

/** `before` and `after` are elements (images, canvases) of one shape; `shape` is [width, height]. */
export function BeforeAfter({ before, after, shape, labels = ["Before", "After"] }) {
  const [cut, set] = useState(50);
  // An invisible range input covers the images: it can be dragged anywhere, and works by keyboard.
  return html`<div class="before-after" style=${{ "--cut": `${cut}%`, aspectRatio: `${shape[0]} / ${shape[1]}` }}>
    ${after}
    <div class="over">${before}</div>
    <input type="range" min="0" max="100" step="1" value=${cut} aria-label="${labels[0]} to ${labels[1].toLowerCase()}"
      onInput=${(event) => set(event.target.valueAsNumber)} />
    <div class="line" />
    <span class="tag b" hidden=${cut < 15}>${labels[0]}</span><span class="tag a" hidden=${cut > 85}>${labels[1]}</span>
  </div>`;
}
