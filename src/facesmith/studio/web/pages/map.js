// Map: thousands of faces, laid out so that who is alike lies together. The page itself is the map's own.
import { html } from "../vendor/preact-htm.js";
import { useAddress } from "../shell/address.js";
import { ask, useLoad } from "../shell/api.js";
import { text } from "../shell/fields.js";
import { Choice } from "../parts/controls.js";
import { Empty } from "../parts/states.js";

const FIELDS = { map: text() };
const METHODS = { pca: "PCA", tsne: "t-SNE", umap: "UMAP" };

export default function Maps() {
  const [state, change] = useAddress(FIELDS);
  const { value: maps } = useLoad((signal) => ask("/maps", { signal }), []);
  const map = maps?.find((one) => one.name === state.map) ?? maps?.[0];
  if (maps && !map)
    return html`<h1>Map</h1><${Empty} icon="map" title="There is no map of faces here yet">
      <p>A map lays out thousands of faces by how alike they are, to look at, search and label. With a model that takes photos:
        <code>facesmith map MODEL DATASET --out faces-map</code></p>
      <p>To find your own photo's place on it, add <code>--photo me.jpg</code>.</p>
    <//>`;
  if (!map) return html`<h1>Map</h1>`;
  const methods = map.methods.map((one) => METHODS[one] ?? one).join(", ");
  const photos = map.photos.length ? `, with ${map.photos.length === 1 ? "a photo" : `${map.photos.length} photos`} placed on it` : "";
  return html`<div class="map-head">
      <h1>Map</h1>
      ${maps.length > 1 && html`<${Choice} label="Which" value=${map.name} options=${maps.map((one) => one.name)} onChange=${(name) => change({ map: name }, { push: true })} />`}
      <p class="small quiet">${map.count.toLocaleString("en")} faces of ${map.dataset} as ${map.model} sees them${map.judge ? ", and as a judge does" : ""}, by ${methods}${photos}. ${map.credit}</p>
      ${map.page && html`<a class="button" href=${map.page} target="_blank">In a window of its own</a>`}
    </div>
    ${map.page
      ? html`<iframe key=${map.name} class="faces-map" src=${map.page} title=${`Map of ${map.dataset}`} sandbox="allow-scripts allow-downloads"></iframe>`
      : html`<${Empty} icon="map" title="This map has no page"><p>Make it again with <code>facesmith map</code>.</p><//>`}`;
}
