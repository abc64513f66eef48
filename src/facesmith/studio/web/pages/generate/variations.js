// Variations of one face: how different they are, and which attributes stay.
import { html } from "../../vendor/preact-htm.js";
import { Icon } from "../../shell/icons.js";
import { attributeLabel } from "../../components/attribute-sliders.js";
import { Slider } from "../../components/controls.js";
import { favouriteUrl } from "../../components/favourites.js";
import { Hint } from "../../components/hint.js";

const FIRST = ["Male", "Young", "Smiling", "Eyeglasses", "Blond_Hair", "Black_Hair", "Bald", "Wearing_Hat"];

export function Variations({ model, like, set, spread, lock, onChange, onClose }) {
  const names = FIRST.filter((name) => model.attributes.includes(name) || lock.includes(name));
  const rest = model.attributes.filter((name) => !names.includes(name));
  const flip = (name) => onChange({ lock: lock.includes(name) ? lock.filter((item) => item !== name) : [...lock, name].slice(-8) });
  const box = (name) => html`<label key=${name} class="check small"><input type="checkbox" checked=${lock.includes(name)} onChange=${() => flip(name)} />
    ${attributeLabel(name)}</label>`;
  return html`<section class="variations" aria-label="Variations">
    <div class="row spread"><h2>Variations</h2>
      <button class="plain" onClick=${onClose} aria-label="Back to random faces" title="Back to random faces"><${Icon} name="close" /></button></div>
    <div class="row"><img class="face" src=${favouriteUrl({ model: model.name, face: like, set })} alt="The original face" />
      <span class="small muted">of ${like}</span></div>
    <${Slider} label="Difference" value=${spread} high=${100} step=${1} format=${(value) => `${value}%`} ends=${["similar", "different"]}
      onInput=${(spread) => onChange({ spread })} />
    ${
      model.attributes.length > 0 &&
      html`<fieldset><legend>Keep these attributes <${Hint} term="keeping attributes">Variations keep the selected attributes, as measured by the model's directions; all others vary. If Difference is high, even the selected attributes may change.<//></legend>
        <div class="row">${names.map(box)}</div>
        ${rest.length > 0 && html`<details open=${rest.some((name) => lock.includes(name))}><summary class="small">${rest.length} more</summary><div class="row">${rest.map(box)}</div></details>`}
      </fieldset>`
    }
  </section>`;
}
