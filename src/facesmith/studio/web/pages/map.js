// A map of thousands of faces with similar ones close together. The map itself is a self-contained page in a frame, which
// also shows where another face lies; the choice of that face and the address are here.
import { html } from "../vendor/preact-htm.js";
import { useAddress } from "../shell/address.js";
import { request, useLoad } from "../shell/api.js";
import { choice, text } from "../shell/query-fields.js";
import { themed, useTheme } from "../shell/theme.js";
import { Select } from "../components/controls.js";
import { parseFaceRef } from "../components/face-refs.js";
import { Empty, Loading } from "../components/feedback.js";
import { MapFrame } from "./map/map-frame.js";
import { Placement } from "./map/placement.js";

const METHODS = { pca: "PCA", tsne: "t-SNE", umap: "UMAP" };
const FIELDS = {
  map: text(),
  face: text(), // placed on the map
  space: text(),
  method: text(),
  shape: choice("2d", ["2d", "3d", "sphere"]),
  colour: text(), // an attribute; "-": no colours
};

export default function Maps() {
  const [state, change] = useAddress(FIELDS);
  const theme = useTheme();
  const { value: maps, error } = useLoad((signal) => request("/maps", { signal }), []);
  const map = maps?.find((item) => item.name === state.map) ?? maps?.[0];
  if (maps && !map)
    return html`<h1>Map</h1><${Empty} icon="map" title="No face map yet">
      <p>A map shows thousands of faces, with similar faces close together. Create one with a model that has an encoder:</p>
      <pre tabindex="0">facesmith map MODEL DATASET --out faces-map</pre>
      <p>You can then also place your own photo on the map.</p>
    <//>`;
  if (!map) return html`<h1>Map</h1>${!error && html`<${Loading} />`}`;
  const methods = new Intl.ListFormat("en-GB").format(map.methods.map((item) => METHODS[item] ?? item));
  const photos = map.photos.length ? `; ${map.photos.length === 1 ? "a photo is" : `${map.photos.length} photos are`} also marked on the map` : "";
  const face = map.placing && map.page && parseFaceRef(state.face) ? state.face : "";
  return html`<div class="map-head">
      <h1>Map</h1>
      ${maps.length > 1 && html`<${Select} label="Map" value=${map.name} options=${maps.map((item) => item.name)} onChange=${(name) => change({ map: name, space: "", method: "", colour: "" }, { push: true })} />`}
      <p class="small muted">${map.count.toLocaleString("en")} faces from ${map.dataset}, encoded by ${map.model}${map.classifier ? " and an attribute classifier" : ""}, and projected with ${methods}${photos}. ${map.credit}</p>
      ${map.page && html`<a class="button" href=${themed(map.page, theme)} target="_blank">Open in new window</a>`}
    </div>
    <${Placement} map=${map} face=${face} onPick=${(to) => change({ face: to }, { push: true })} />
    ${map.page
      ? html`<${MapFrame} key=${map.name} map=${map} view=${state} face=${face} onView=${change} onLost=${() => change({ face: "" })} />`
      : html`<${Empty} icon="map" title="This map cannot be displayed"><p>Create it again with <code>facesmith map</code>.</p><//>`}`;
}
