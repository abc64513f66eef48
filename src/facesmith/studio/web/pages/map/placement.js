// The position of a face on a map, and the nearest faces.
import { html, useEffect } from "../../vendor/preact-htm.js";
import { request, useLoad } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { attributeLabel } from "../../components/attribute-sliders.js";
import { randomSeed, Select, SegmentedControl } from "../../components/controls.js";
import { Face, parseFaceRef, faceImageUrl } from "../../components/face-refs.js";
import { PhotoInput } from "../../components/photo-input.js";
import { usePhotos } from "../../components/photo-store.js";
import { Progress } from "../../components/feedback.js";
import { MapPlot } from "./map-plot.js";

export const METHODS = { pca: "PCA", tsne: "t-SNE", umap: "UMAP" };

export function Placement({ map, state, change }) {
  const photos = usePhotos();
  const references = photos.flatMap((photo) => (photo.faces.length ? photo.faces.map((item) => item.face) : [photo.whole]));
  const pick = (face) => change({ face }, { push: true });
  if (!map.placing || !map.layouts.length)
    return html`<p class="small muted">To place faces on this map, start the studio with its model, ${map.model}.</p>`;
  return html`<section class="card placement" aria-label="Find a face on the map">
    <div class="row spread">
      <h2>Find a face on the map</h2>
      <div class="row">
        ${references.map(
          (face, index) => html`<button key=${face} class="button found" aria-pressed=${face === state.face}
            aria-label="Face ${index + 1} of your photos" onClick=${() => pick(face)}>
            <${Face} of=${face} model=${map.placing} what="cut" label="" /></button>`,
        )}
        <${PhotoInput} model=${map.placing} onBrought=${(photo) => pick(photo.faces[0]?.face ?? photo.whole)}>
          <button class="button" aria-label="A random face" title="A random face" onClick=${() => pick(`seed:${randomSeed()}`)}>
            <${Icon} name="dice" /></button>
        <//>
        ${state.face && html`<button class="plain" aria-label="Close" onClick=${() => pick("")}><${Icon} name="close" /></button>`}
      </div>
    </div>
    ${state.face && html`<${PlacedFace} key=${state.face} map=${map} state=${state} change=${change} />`}
  </section>`;
}

function PlacedFace({ map, state, change }) {
  const { face } = state;
  const { value: place, error } = useLoad((signal) => request(`/maps/${map.name}/place`, { json: { face }, signal }), [face]);
  // Names of layouts consist of space, method and shape: latents_tsne_2d.
  const methods = map.methods.filter((item) => map.layouts.includes(`latents_${item}_${state.shape}`));
  const method = methods.includes(state.method) ? state.method : methods[0];
  const layout = `latents_${method}_${state.shape}`;
  const colour = map.attributes.includes(state.colour) ? state.colour : "";
  const { value: laid } = useLoad(
    async (signal) => ({ ...(await request(`/maps/${map.name}/points`, { query: { of: layout, attribute: colour }, signal })), layout }),
    [layout, colour],
  );
  const lost = error?.status === 404; // the session has forgotten it
  useEffect(() => lost && change({ face: "" }), [lost]);
  if (error) return null;
  if (!place || !laid) return html`<${Progress} label="Encoding the face" />`;
  const brought = Boolean(parseFaceRef(face).photo);
  const [, by, shape] = laid.layout.split("_"); // of the layout shown, until the requested one is loaded
  return html`<div class="placed-face">
    <div class="plotted">
      <div class="row">
        ${methods.length > 1 && html`<${SegmentedControl} label="Method" hidden value=${method} onChange=${(to) => change({ method: to })}
          options=${methods.map((item) => [item, METHODS[item] ?? item])} />`}
        <${SegmentedControl} label="Shape" hidden value=${state.shape} onChange=${(shape) => change({ shape })} options=${[["2d", "2D"], ["3d", "3D"]]} />
        <${SegmentedControl} label="Section" hidden value=${state.near ? "near" : "all"} onChange=${(to) => change({ near: to === "near" })}
          options=${[["all", "Whole map"], ["near", "Around the face"]]} />
      </div>
      <${MapPlot} key=${shape} layout=${laid} place=${place.places[laid.layout]} near=${place.neighbours} closer=${state.near}
        portrait=${faceImageUrl(face, place.model, brought ? "cut" : "made")} spatial=${shape === "3d"}
        label=${`${METHODS[by] ?? by} map of ${map.count.toLocaleString("en")} faces, with this face marked`} />
      <div class="row spread">
        <div class="colour"><${Select} label="Colour by" value=${colour} onChange=${(to) => change({ colour: to })}
          options=${[["", "nothing"], ...map.attributes.map((item) => [item, attributeLabel(item)])]} /></div>
        ${colour && html`<ul class="legend small"><li><i class="with-it"></i>yes</li><li><i class="without"></i>no</li><li><i></i>unknown</li></ul>`}
      </div>
      <p class="small muted">${method === "pca"
        ? "PCA places a new face exactly, but shows only the largest differences between faces."
        : `${METHODS[method]} cannot place a new face exactly, so the face is at the median position of its seven nearest faces.`}</p>
    </div>
    <div class="nearest">
      <h3>Nearest faces</h3>
      <ol>${place.neighbours.map(
        (item) => html`<li key=${item.at}>
          ${item.picture && html`<img class="face" src=${item.picture} alt="Face ${item.row} of ${map.dataset}" />`}
          <span class="small muted number" title=${item.file}>${item.picture ? item.distance.toFixed(2) : `${item.file}, ${item.distance.toFixed(2)}`}</span>
        </li>`,
      )}</ol>
      <p class="small muted">Sorted by distance in latent space, which a map cannot preserve completely.</p>
    </div>
  </div>`;
}
