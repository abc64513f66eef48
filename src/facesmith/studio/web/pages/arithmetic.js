// Faces as numbers to calculate with: A - B + C, and ways from face to face.
import { html, useState } from "../vendor/preact-htm.js";
import { useAddress } from "../shell/address.js";
import { isGenerator, useModels } from "../shell/api.js";
import { choice, list, number, text } from "../shell/fields.js";
import { LARGEST_SEED, ModelChoice, Segments } from "../parts/controls.js";
import { parsed } from "../parts/faces.js";
import { Empty, Waiting } from "../parts/states.js";
import { Sum } from "./arithmetic/sum.js";
import { Tray } from "./arithmetic/tray.js";
import { Way } from "./arithmetic/way.js";

export const MOST_ON_WAY = 16;
const FIELDS = {
  model: text(),
  show: choice("sum", ["sum", "way"]),
  a: text("seed:3"),
  b: text("seed:3:1"),
  c: text("seed:3:7"),
  size: number(6, 2, 12),
  tray: number(3, 0, LARGEST_SEED),
  stop: list(), // faces that an animation goes through
  frames: number(64, 8, 192),
  end: choice("loop", ["loop", "once"]),
};
const USUAL_STOPS = ["seed:3", "seed:3:4", "seed:3:7", "seed:3:11"];

export default function Arithmetic() {
  const models = useModels(isGenerator);
  const [state, change] = useAddress(FIELDS);
  const [active, choose] = useState("a"); // the slot that the next face goes to
  if (!models) return html`<h1 class="unseen">Arithmetic</h1><${Waiting} />`;
  if (!models.length)
    return html`<h1 class="unseen">Arithmetic</h1><${Empty} icon="arithmetic" title="No model is here yet">
      <p>Start the studio where there are models, or name one: <code>facesmith studio drawn64</code></p>
    <//>`;

  const model = models.find((one) => one.name === state.model) ?? models[0];
  const stops = state.stop.filter(parsed).slice(0, MOST_ON_WAY);
  const way = stops.length ? stops : USUAL_STOPS;
  const slots = Object.fromEntries(
    ["a", "b", "c"].map((slot) => [slot, parsed(state[slot]) ? state[slot] : FIELDS[slot].read([])]),
  );
  const fill = (slot, face) => {
    change({ [slot]: face });
    choose({ a: "b", b: "c", c: "a" }[slot]);
  };
  const take = (face) => {
    if (state.show === "sum") fill(active, face);
    else if (way.length < MOST_ON_WAY) change({ stop: [...way, face] });
  };
  // Faces of photos belong to the model that encoded them.
  const toModel = (name) => {
    const lost = Object.keys(slots).filter((slot) => parsed(slots[slot]).photo);
    change({
      model: name,
      ...Object.fromEntries(lost.map((slot) => [slot, FIELDS[slot].read([])])),
      stop: way.filter((face) => parsed(face).seed),
    });
  };
  return html`<div class="two">
    <div class="stage">
      <h1 class="unseen">Arithmetic</h1>
      <${Segments} label="What to make" hidden value=${state.show}
        onChange=${(show) => change({ show }, { push: true })}
        options=${[
          ["sum", "A − B + C"],
          ["way", "Animation"],
        ]} />
      ${
        state.show === "sum"
          ? html`<${Sum} model=${model} slots=${slots} active=${active} onChoose=${choose} onFill=${fill}
            size=${state.size} onSize=${(size) => change({ size })} />`
          : html`<${Way} model=${model} stops=${way} frames=${state.frames} end=${state.end} onChange=${change} />`
      }
    </div>
    <div class="side" role="region" aria-label="Faces to take">
      <${ModelChoice} models=${models} value=${model.name} onChange=${toModel} />
      <${Tray} model=${model} seed=${state.tray} onSeed=${(tray) => change({ tray })} onTake=${take}
        into=${state.show === "sum" ? `slot ${active.toUpperCase()}` : "the animation"} />
    </div>
  </div>`;
}
