// Edits with a name, which one click applies and another takes back.
import { html } from "../vendor/preact-htm.js";

const PRESETS = { Younger: { Young: 1.5 }, Older: { Young: -1.5 }, Smile: { Smiling: 1.5 }, Glasses: { Eyeglasses: 2 } };

/** `value` is {attribute: strength}; `onChange` gets a new one. */
export function Presets({ attributes, value, onChange }) {
  const known = Object.entries(PRESETS).filter(([, edit]) => Object.keys(edit).every((name) => attributes.includes(name)));
  if (!known.length) return null;
  const isOn = (edit) => Object.entries(edit).every(([name, by]) => value[name] === by);
  const flip = (edit) =>
    onChange(isOn(edit) ? Object.fromEntries(Object.entries(value).filter(([name]) => !(name in edit))) : { ...value, ...edit });
  return html`<div class="row presets" role="group" aria-label="Presets">${known.map(
    ([name, edit]) => html`<button key=${name} class="button" aria-pressed=${isOn(edit)} onClick=${() => flip(edit)}>${name}</button>`,
  )}</div>`;
}
