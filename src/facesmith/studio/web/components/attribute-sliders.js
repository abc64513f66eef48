// Sliders for the attributes of a model.
import { html, useState } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";
import { Slider } from "./controls.js";

// The most popular attributes come first; the others are in a collapsed list.
const FIRST = ["Smiling", "Young", "Male", "Eyeglasses", "Blond_Hair", "Black_Hair", "Bald", "Mustache", "Wearing_Hat"];
const MAX_STRENGTH = 3;

// What the ends of a slider mean, where "less" and "more" would not say it.
const ENDS = {
  Young: ["older", "younger"],
  Male: ["feminine", "masculine"],
  Smiling: ["serious", "smiling"],
  Eyeglasses: ["without", "with"],
  Wearing_Hat: ["without", "with"],
  Mustache: ["without", "with"],
  Goatee: ["without", "with"],
  Bangs: ["without", "with"],
  Wearing_Earrings: ["without", "with"],
  Wearing_Necklace: ["without", "with"],
  Wearing_Necktie: ["without", "with"],
  Wearing_Lipstick: ["without", "with"],
  No_Beard: ["beard", "no beard"],
  Bald: ["more hair", "bald"],
  Blurry: ["sharp", "blurry"],
  Chubby: ["slim", "chubby"],
  Pale_Skin: ["darker", "paler"],
  Mouth_Slightly_Open: ["closed", "open"],
  Narrow_Eyes: ["wide", "narrow"],
  Receding_Hairline: ["low", "receding"],
};

/** 5_o_Clock_Shadow as people write it. */
export function attributeLabel(name) {
  const text = name.replaceAll("_", " ").replace("5 o Clock", "5 o'clock").toLowerCase();
  return text[0].toUpperCase() + text.slice(1);
}

/** {Smiling: 1, Bald: -0.5} as "Smiling +1, bald −0.5". */
export const editLabel = (changes) =>
  Object.entries(changes)
    .map(([name, by], place) => {
      const text = attributeLabel(name);
      return `${place ? text.toLowerCase() : text} ${by > 0 ? "+" : "−"}${Math.abs(+by.toFixed(2))}`;
    })
    .join(", ") || "Unchanged";

/** The changes of those attributes that a model has. */
export const knownChanges = (model, changes) =>
  Object.fromEntries(Object.entries(changes).filter(([name]) => model.attributes.includes(name)));

/** `value` is {attribute: strength}; `onChange` gets a new one, without those at 0. */
export function Attributes({ attributes, value, onChange, title = "Change" }) {
  const [searchText, setSearchText] = useState("");
  if (!attributes.length)
    return html`<p class="small muted">This model has no sliders because it has no attribute directions. Add them with
      <code>facesmith directions</code>.</p>`;
  const [first, rest] = [
    FIRST.filter((name) => attributes.includes(name)),
    attributes.filter((name) => !FIRST.includes(name)),
  ];
  const set = (name, by) => {
    const { [name]: _, ...others } = value;
    onChange(by ? { ...others, [name]: +by.toFixed(2) } : others);
  };
  const attributeSlider = (name) => html`<${Slider} key=${name} label=${attributeLabel(name)} value=${value[name] ?? 0} low=${-MAX_STRENGTH}
    high=${MAX_STRENGTH} step=${0.1} zero=${0} ends=${ENDS[name] ?? ["less", "more"]} onInput=${(by) => set(name, by)} />`;
  const fits = (name) => attributeLabel(name).toLowerCase().includes(searchText.trim().toLowerCase());
  return html`<section class="attributes" aria-label="Attributes">
    <div class="row spread"><h2>${title}</h2>
      <button class="plain" disabled=${!Object.keys(value).length} onClick=${() => onChange({})}
        aria-label="Reset all sliders" title="Reset all sliders">
        <${Icon} name="reset" />
      </button>
    </div>
    <div class="sliders">${first.map(attributeSlider)}</div>
    ${
      rest.length > 0 &&
      html`<details open=${first.length === 0 || rest.some((name) => value[name])}>
      <summary>${rest.length} more</summary>
      ${
        rest.length > 12 &&
        html`<input type="search" aria-label="Find an attribute" placeholder="Search, e.g. hair or nose" value=${searchText}
        onInput=${(event) => setSearchText(event.target.value)} />`
      }
      <div class="sliders">${rest.filter(fits).map(attributeSlider)}</div>
    </details>`
    }
  </section>`;
}
