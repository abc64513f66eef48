// Form controls: native elements with labels, so that they work by keyboard.
import { html, useMemo, useState } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";
import { Hint } from "./hint.js";

let ids = 0;
const useId = () => useMemo(() => `c${++ids}`, []);

/** A slider, coloured from `zero` to its value. `onInput(number)` is called while it moves. `ends` are words for its low
 * and its high end, `hint` explains the label. */
export function Slider({ label, value, low = 0, high = 1, step = 0.01, zero = low, onInput, format, ends, hint }) {
  const id = useId();
  const place = (of) => `${((of - low) / (high - low)) * 100}%`;
  const [from, to] = value < zero ? [value, zero] : [zero, value];
  const isChanged = value !== zero && zero !== low;
  return html`<div class="slider ${isChanged && "moved"}">
    <span class="name"><label for=${id}>${label}</label>${hint && html`<${Hint} term=${label.toLowerCase()}>${hint}<//>`}</span>
    <output for=${id}>${format ? format(value) : (isChanged && value > 0 ? "+" : "") + +value.toFixed(2)}</output>
    <input id=${id} type="range" aria-valuetext=${ends && `${+value.toFixed(2)}, from ${ends[0]} to ${ends[1]}`} min=${low} max=${high} step=${step} value=${value}
      style=${{ "--from": place(from), "--to": place(to) }}
      onInput=${(event) => onInput(event.target.valueAsNumber)}
      onDblClick=${() => onInput(zero)} />
    ${ends && html`<span class="end" aria-hidden="true">${ends[0]}</span><span class="end" aria-hidden="true">${ends[1]}</span>`}
  </div>`;
}

/** A select box; `options` are [value, label] or just values. */
export function Select({ label, value, options, onChange }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} value=${value} onChange=${(event) => onChange(event.target.value)}>
      ${options
        .map((item) => (Array.isArray(item) ? item : [item, item]))
        .map(
          ([option, text]) =>
            html`<option key=${option} value=${option} selected=${option === value}>${text}</option>`,
        )}
    </select>
  </div>`;
}

/** A choice of a few options that are all visible. */
export function SegmentedControl({ label, value, options, onChange, hidden = false }) {
  const id = useId();
  return html`<fieldset>
    <legend class=${hidden && "visually-hidden"}>${label}</legend>
    <div class="segments">
      ${options
        .map((item) => (Array.isArray(item) ? item : [item, item]))
        .map(
          ([option, text]) => html`<label key=${option}>
          <input type="radio" name=${id} checked=${option === value} onChange=${() => onChange(option)} />
          <span>${text}</span>
        </label>`,
        )}
    </div>
  </fieldset>`;
}

/** An integer input. `onChange` is called only for valid numbers. */
export function NumberInput({ label, value, low = 0, high = 1e9, onChange, children }) {
  const id = useId();
  const [typed, setTyped] = useState(null);
  const input = (event) => {
    setTyped(event.target.value);
    const number = Number(event.target.value);
    if (event.target.value !== "" && Number.isInteger(number) && number >= low && number <= high) onChange(number);
  };
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <div class="with">
      <input id=${id} type="number" inputmode="numeric" min=${low} max=${high} step="1" value=${typed ?? value}
        onInput=${input} onBlur=${() => setTyped(null)} />
      ${children}
    </div>
  </div>`;
}

export const MAX_SEED = Number.MAX_SAFE_INTEGER; // as /generate_image draws them
export const randomSeed = () => Math.floor(Math.random() * 1_000_000);

/** A seed, with a button for a random one, which Back takes back. */
export const Seed = ({
  label = "Seed",
  value,
  onChange,
}) => html`<${NumberInput} label=${label} value=${value} high=${MAX_SEED} onChange=${onChange}>
  <button class="button" type="button" aria-label="Random seed" title="Random seed"
    onClick=${() => onChange(randomSeed(), { push: true })}>
    <${Icon} name="dice" />
  </button>
<//>`;

/** A choice of models. The terms are shown, because they apply to the images. */
export function ModelChoice({ models, value, onChange, label = "Model" }) {
  const current = models.find((model) => model.name === value) ?? models[0];
  const options = models.map((model) => [model.name, `${model.name} · ${model.size.join("x")}`]);
  return html`<div class="field">
    <${Select} label=${label} value=${current?.name} options=${options} onChange=${onChange} />
    ${current && html`<p class="small muted">Terms: ${current.terms}</p>`}
  </div>`;
}
