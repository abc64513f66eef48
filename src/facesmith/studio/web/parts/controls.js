// What a visitor operates: sliders, choices, seeds. Each is a native element with its label, so keyboards work.
import { html, useMemo, useState } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";

let ids = 0;
const useId = () => useMemo(() => `c${++ids}`, []);

/** A slider that is coloured from `zero` to where it stands. `onInput(number)` comes while it moves. */
export function Slider({ label, value, low = 0, high = 1, step = 0.01, zero = low, onInput, onDone, words }) {
  const id = useId();
  const place = (of) => `${((of - low) / (high - low)) * 100}%`;
  const [from, to] = value < zero ? [value, zero] : [zero, value];
  const moved = value !== zero && zero !== low;
  return html`<div class="slider ${moved && "moved"}">
    <label for=${id}>${label}</label>
    <output for=${id}>${words ? words(value) : (moved && value > 0 ? "+" : "") + +value.toFixed(2)}</output>
    <input id=${id} type="range" min=${low} max=${high} step=${step} value=${value}
      style=${{ "--from": place(from), "--to": place(to) }}
      onInput=${(event) => onInput(event.target.valueAsNumber)}
      onChange=${(event) => onDone?.(event.target.valueAsNumber)}
      onDblClick=${() => onInput(zero)} />
  </div>`;
}

/** A list to choose one of: `options` are [value, words] or just values. */
export function Choice({ label, value, options, onChange }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} value=${value} onChange=${(event) => onChange(event.target.value)}>
      ${options
        .map((one) => (Array.isArray(one) ? one : [one, one]))
        .map(
          ([option, words]) =>
            html`<option key=${option} value=${option} selected=${option === value}>${words}</option>`,
        )}
    </select>
  </div>`;
}

/** A few things of which one is chosen, all of them in view. */
export function Segments({ label, value, options, onChange, hidden = false }) {
  const id = useId();
  return html`<fieldset>
    <legend class=${hidden && "unseen"}>${label}</legend>
    <div class="segments">
      ${options
        .map((one) => (Array.isArray(one) ? one : [one, one]))
        .map(
          ([option, words]) => html`<label key=${option}>
          <input type="radio" name=${id} checked=${option === value} onChange=${() => onChange(option)} />
          <span>${words}</span>
        </label>`,
        )}
    </div>
  </fieldset>`;
}

/** A whole number that is taken when it makes sense; until then it can be typed in peace. */
export function Whole({ label, value, low = 0, high = 1e9, onChange, children }) {
  const id = useId();
  const [typed, type] = useState(null);
  const input = (event) => {
    type(event.target.value);
    const number = Number(event.target.value);
    if (event.target.value !== "" && Number.isInteger(number) && number >= low && number <= high) onChange(number);
  };
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <div class="with">
      <input id=${id} type="number" inputmode="numeric" min=${low} max=${high} step="1" value=${typed ?? value}
        onInput=${input} onBlur=${() => type(null)} />
      ${children}
    </div>
  </div>`;
}

export const LARGEST_SEED = 999_999_999;
export const anySeed = () => Math.floor(Math.random() * 1_000_000);

/** A seed, and a dice for another. */
export const Seed = ({
  label = "Seed",
  value,
  onChange,
}) => html`<${Whole} label=${label} value=${value} high=${LARGEST_SEED} onChange=${onChange}>
  <button class="button" type="button" aria-label="Another seed" title="Another seed"
    onClick=${() => onChange(anySeed())}>
    <${Icon} name="dice" />
  </button>
<//>`;

/** Which of these models; what their terms are stands below, since pictures go out under them. */
export function ModelChoice({ models, value, onChange, label = "Model" }) {
  const chosen = models.find((model) => model.name === value) ?? models[0];
  const options = models.map((model) => [model.name, `${model.name} · ${model.size.join("x")}`]);
  return html`<div class="field">
    <${Choice} label=${label} value=${chosen?.name} options=${options} onChange=${onChange} />
    ${chosen && html`<p class="small quiet">${sentence(chosen.terms)}</p>`}
  </div>`;
}

const sentence = (words) => words[0].toUpperCase() + words.slice(1);
