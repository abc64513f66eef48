// Arithmetic with latents: B - A + C, and animations between faces.
import { html, useState } from "../vendor/preact-htm.js";
import { useAddress } from "../shell/address.js";
import { isGenerator, useModels } from "../shell/api.js";
import { choice, list, number, text } from "../shell/query-fields.js";
import { MAX_SEED, ModelChoice, SegmentedControl } from "../components/controls.js";
import { showError } from "../shell/toasts.js";
import { AiLine } from "../components/ai-line.js";
import { editedFaceRef, parseFaceRef } from "../components/face-refs.js";
import { Favourites } from "../components/favourites.js";
import { Empty, Loading } from "../components/feedback.js";
import { Analogy } from "./arithmetic/analogy.js";
import { Mix } from "./arithmetic/mix.js";
import { Tray } from "./arithmetic/tray.js";
import { MAX_STOPS, PathEditor } from "./arithmetic/path.js";

const FIELDS = {
  model: text(),
  show: choice("sum", ["sum", "way", "mix"]),
  share: number(50, 0, 100), // of face B in the mix
  a: text("seed:3"),
  b: text("seed:3:1"),
  c: text("seed:3:7"),
  size: number(6, 2, 12),
  tray: number(3, 0, MAX_SEED),
  stop: list(), // faces of the animation
  frames: number(64, 8, 192),
  end: choice("loop", ["loop", "once"]),
};
const DEFAULT_STOPS = ["seed:3", "seed:3:4", "seed:3:7", "seed:3:11"];

export default function Arithmetic() {
  const models = useModels(isGenerator);
  const [state, change] = useAddress(FIELDS);
  const [active, setActive] = useState("a"); // the slot that gets the next face
  if (!models) return html`<h1 class="visually-hidden">Arithmetic</h1><${Loading} />`;
  if (!models.length)
    return html`<h1 class="visually-hidden">Arithmetic</h1><${Empty} icon="arithmetic" title="No model yet">
      <p>Start the studio with a model: <code>facesmith studio drawn128</code></p>
    <//>`;

  const model = models.find((item) => item.name === state.model) ?? models[0];
  const stops = state.stop.filter(parseFaceRef).slice(0, MAX_STOPS);
  const path = stops.length ? stops : DEFAULT_STOPS;
  const slots = Object.fromEntries(
    ["a", "b", "c"].map((slot) => [slot, parseFaceRef(state[slot]) ? state[slot] : FIELDS[slot].read([])]),
  );
  const fill = (slot, face) => {
    change({ [slot]: face });
    setActive({ a: "b", b: state.show === "mix" ? "a" : "c", c: "a" }[slot]);
  };
  const take = (face) => {
    if (state.show === "mix") fill(active === "c" ? "a" : active, face);
    else if (state.show === "sum") fill(active, face);
    else if (path.length < MAX_STOPS) change({ stop: [...path, face] });
  };
  const useKept = (item) => editedFaceRef(model.name, item.face, item.set).then(take, showError);
  // Faces of photos belong to the model that encoded them.
  const toModel = (name) => {
    const lost = Object.keys(slots).filter((slot) => parseFaceRef(slots[slot]).photo);
    change({
      model: name,
      ...Object.fromEntries(lost.map((slot) => [slot, FIELDS[slot].read([])])),
      stop: path.filter((face) => parseFaceRef(face).seed),
    });
  };
  return html`<div class="two">
    <div class="stage">
      <h1 class="visually-hidden">Arithmetic</h1>
      <${SegmentedControl} label="Result" hidden value=${state.show}
        onChange=${(show) => change({ show }, { push: true })}
        options=${[
          ["sum", "B − A + C"],
          ["mix", "Mix"],
          ["way", "Animation"],
        ]} />
      ${
        state.show === "sum"
          ? html`<${Analogy} model=${model} slots=${slots} active=${active} onChoose=${setActive} onFill=${fill}
            size=${state.size} onSize=${(size) => change({ size })} />`
          : state.show === "mix"
            ? html`<${Mix} model=${model} slots=${slots} active=${active === "c" ? "a" : active} onChoose=${setActive} onFill=${fill}
                share=${state.share} onShare=${(share) => change({ share })} />`
            : html`<${PathEditor} model=${model} stops=${path} frames=${state.frames} end=${state.end} onChange=${change} />`
      }
      <${AiLine} />
    </div>
    <div class="side" role="region" aria-label="Available faces">
      <${ModelChoice} models=${models} value=${model.name} onChange=${toModel} />
      <${Tray} model=${model} seed=${state.tray} onSeed=${(tray, how) => change({ tray }, how)} onTake=${take}
        into=${state.show === "way" ? "the animation" : `slot ${active.toUpperCase()}`} />
      <${Favourites} models=${[model]} verb="Use" onPick=${useKept} />
    </div>
  </div>`;
}
