// Sliders for what a model knows to change.
import { html, useState } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";
import { Slider } from "./controls.js";

// What people reach for first; the others are one tap away.
const FIRST = ["Smiling", "Young", "Male", "Eyeglasses", "Blond_Hair", "Black_Hair", "Bald", "Mustache", "Wearing_Hat"];
export const STRONGEST = 3;

/** 5_o_Clock_Shadow as people write it. */
export function inWords(name) {
  const words = name.replaceAll("_", " ").replace("5 o Clock", "5 o'clock").toLowerCase();
  return words[0].toUpperCase() + words.slice(1);
}

/** {Smiling: 1, Bald: -0.5} as "Smiling +1, bald −0.5". */
export const changesInWords = (changes) =>
  Object.entries(changes)
    .map(([name, by], place) => {
      const words = inWords(name);
      return `${place ? words.toLowerCase() : words} ${by > 0 ? "+" : "−"}${Math.abs(+by.toFixed(2))}`;
    })
    .join(", ") || "As it is";

/** `value` is {attribute: strength}; `onChange` gets a new one, without those at 0. */
export function Attributes({ attributes, value, onChange, title = "Change" }) {
  const [sought, seek] = useState("");
  const [first, rest] = [
    FIRST.filter((name) => attributes.includes(name)),
    attributes.filter((name) => !FIRST.includes(name)),
  ];
  const set = (name, by) => {
    const { [name]: _, ...others } = value;
    onChange(by ? { ...others, [name]: +by.toFixed(2) } : others);
  };
  const one = (name) => html`<${Slider} key=${name} label=${inWords(name)} value=${value[name] ?? 0} low=${-STRONGEST}
    high=${STRONGEST} step=${0.1} zero=${0} onInput=${(by) => set(name, by)} />`;
  const fits = (name) => inWords(name).toLowerCase().includes(sought.trim().toLowerCase());
  return html`<section class="attributes" aria-label="Attributes">
    <div class="row spread"><h2>${title}</h2>
      <button class="plain" disabled=${!Object.keys(value).length} onClick=${() => onChange({})}
        aria-label="All sliders to 0" title="All sliders to 0">
        <${Icon} name="reset" />
      </button>
    </div>
    <div class="sliders">${first.map(one)}</div>
    ${
      rest.length > 0 &&
      html`<details open=${first.length === 0 || rest.some((name) => value[name])}>
      <summary>${rest.length} more</summary>
      ${
        rest.length > 12 &&
        html`<input type="search" aria-label="Find an attribute" placeholder="Find: hair, nose, ..." value=${sought}
        onInput=${(event) => seek(event.target.value)} />`
      }
      <div class="sliders">${rest.filter(fits).map(one)}</div>
    </details>`
    }
  </section>`;
}
