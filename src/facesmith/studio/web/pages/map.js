// Map: thousands of faces, laid out so that who is alike lies together, and where another face stands among them. The
// map itself is a page of its own, which brings all it needs.
import { html } from "../vendor/preact-htm.js";
import { useAddress } from "../shell/address.js";
import { ask, useLoad } from "../shell/api.js";
import { choice, flag, text } from "../shell/fields.js";
import { Choice } from "../parts/controls.js";
import { parsed } from "../parts/faces.js";
import { Empty, Waiting } from "../parts/states.js";
import { METHODS, Where } from "./map/where.js";

const FIELDS = {
  map: text(),
  face: text(), // whose place is sought
  method: text(),
  shape: choice("2d", ["2d", "3d"]),
  near: flag(),
  colour: text(),
};

export default function Maps() {
  const [state, change] = useAddress(FIELDS);
  const { value: maps, error } = useLoad((signal) => ask("/maps", { signal }), []);
  const map = maps?.find((one) => one.name === state.map) ?? maps?.[0];
  if (maps && !map)
    return html`<h1>Map</h1><${Empty} icon="map" title="There is no map of faces here yet">
      <p>A map lays out thousands of faces by how alike they are, to look at, search and label. With a model that takes photos:</p>
      <pre tabindex="0">facesmith map MODEL DATASET --out faces-map</pre>
      <p>Once it is here, a photo's place on it is found on this page.</p>
    <//>`;
  if (!map) return html`<h1>Map</h1>${!error && html`<${Waiting} />`}`;
  const methods = map.methods.map((one) => METHODS[one] ?? one).join(", ");
  const photos = map.photos.length ? `, with ${map.photos.length === 1 ? "a photo" : `${map.photos.length} photos`} placed on it` : "";
  const face = parsed(state.face) ? state.face : "";
  return html`<div class="map-head">
      <h1>Map</h1>
      ${maps.length > 1 && html`<${Choice} label="Which" value=${map.name} options=${maps.map((one) => one.name)} onChange=${(name) => change({ map: name, method: "", colour: "" }, { push: true })} />`}
      <p class="small quiet">${map.count.toLocaleString("en")} faces of ${map.dataset} as ${map.model} sees them${map.judge ? ", and as a judge does" : ""}, by ${methods}${photos}. ${map.credit}</p>
      ${map.page && html`<a class="button" href=${map.page} target="_blank">In a window of its own</a>`}
    </div>
    <${Where} key=${map.name} map=${map} state=${{ ...state, face }} change=${change} />
    ${map.page
      ? html`<iframe key=${map.name} class="faces-map" src=${map.page} title=${`Map of ${map.dataset}`} sandbox="allow-scripts allow-downloads"></iframe>`
      : html`<${Empty} icon="map" title="This map has no page"><p>Make it again with <code>facesmith map</code>.</p><//>`}`;
}
