// Where a face stands on a map, and who is nearest to it: a photo of this visit, or somebody made up.
import { html, useEffect } from "../../vendor/preact-htm.js";
import { ask, useLoad } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { inWords } from "../../parts/attributes.js";
import { anySeed, Choice, Segments } from "../../parts/controls.js";
import { Face, parsed, pictureOf } from "../../parts/faces.js";
import { PhotoInput } from "../../parts/photo-input.js";
import { usePhotos } from "../../parts/photos.js";
import { Progress } from "../../parts/states.js";
import { Plot } from "./plot.js";

export const METHODS = { pca: "PCA", tsne: "t-SNE", umap: "UMAP" };

export function Where({ map, state, change }) {
  const photos = usePhotos();
  const found = photos.flatMap((photo) => (photo.faces.length ? photo.faces.map((one) => one.face) : [photo.whole]));
  const pick = (face) => change({ face }, { push: true });
  if (!map.placing || !map.layouts.length)
    return html`<p class="small quiet">Faces are placed on it where ${map.model}, with which it was made, is here too: start
      the studio with it.</p>`;
  return html`<section class="card where" aria-label="Where a face stands">
    <div class="row spread">
      <h2>Where does a face stand?</h2>
      <div class="row">
        ${found.map(
          (face, index) => html`<button key=${face} class="button found" aria-pressed=${face === state.face}
            aria-label="Face ${index + 1} of your photos" onClick=${() => pick(face)}>
            <${Face} of=${face} model=${map.placing} what="cut" label="" /></button>`,
        )}
        <${PhotoInput} model=${map.placing} onBrought=${(photo) => pick(photo.faces[0]?.face ?? photo.whole)}>
          <button class="button" aria-label="A made-up face" title="A made-up face" onClick=${() => pick(`seed:${anySeed()}`)}>
            <${Icon} name="dice" /></button>
        <//>
        ${state.face && html`<button class="plain" aria-label="Close" onClick=${() => pick("")}><${Icon} name="close" /></button>`}
      </div>
    </div>
    ${state.face && html`<${Placed} key=${state.face} map=${map} state=${state} change=${change} />`}
  </section>`;
}

function Placed({ map, state, change }) {
  const { face } = state;
  const { value: place, error } = useLoad((signal) => ask(`/maps/${map.name}/place`, { json: { face }, signal }), [face]);
  // Layouts are called by what was laid out, how, and in what shape: latents_tsne_2d.
  const methods = map.methods.filter((one) => map.layouts.includes(`latents_${one}_${state.shape}`));
  const method = methods.includes(state.method) ? state.method : methods[0];
  const layout = `latents_${method}_${state.shape}`;
  const colour = map.attributes.includes(state.colour) ? state.colour : "";
  const { value: laid } = useLoad(
    async (signal) => ({ ...(await ask(`/maps/${map.name}/points`, { query: { of: layout, attribute: colour }, signal })), layout }),
    [layout, colour],
  );
  const lost = error?.status === 404; // the session has forgotten it
  useEffect(() => lost && change({ face: "" }), [lost]);
  if (error) return null;
  if (!place || !laid) return html`<${Progress} label="The model looks at the face" />`;
  const brought = Boolean(parsed(face).photo);
  const [, by, shape] = laid.layout.split("_"); // what is shown until what is wanted is there
  return html`<div class="placed">
    <div class="plotted">
      <div class="row">
        ${methods.length > 1 && html`<${Segments} label="By" hidden value=${method} onChange=${(to) => change({ method: to })}
          options=${methods.map((one) => [one, METHODS[one] ?? one])} />`}
        <${Segments} label="Shape" hidden value=${state.shape} onChange=${(shape) => change({ shape })} options=${[["2d", "Flat"], ["3d", "In space"]]} />
        <${Segments} label="How much of it" hidden value=${state.near ? "near" : "all"} onChange=${(to) => change({ near: to === "near" })}
          options=${[["all", "All of it"], ["near", "Around the face"]]} />
      </div>
      <${Plot} key=${shape} layout=${laid} place=${place.places[laid.layout]} near=${place.neighbours} closer=${state.near}
        portrait=${pictureOf(face, place.model, brought ? "cut" : "made")} spatial=${shape === "3d"}
        label=${`${METHODS[by] ?? by} map of ${map.count.toLocaleString("en")} faces, this one among them`} />
      <div class="row spread">
        <div class="colour"><${Choice} label="Colour by" value=${colour} onChange=${(to) => change({ colour: to })}
          options=${[["", "nothing"], ...map.attributes.map((one) => [one, inWords(one)])]} /></div>
        ${colour && html`<ul class="legend small"><li><i class="with-it"></i>has it</li><li><i class="without"></i>has not</li><li><i></i>unknown</li></ul>`}
      </div>
      <p class="small quiet">${method === "pca"
        ? "PCA places a new face exactly, and shows only the widest of all differences."
        : `${METHODS[method]} has no place for a new face: it stands in the middle of the seven nearest. Look at them before you read much into it.`}</p>
    </div>
    <div class="nearest">
      <h3>Nearest to it</h3>
      <ol>${place.neighbours.map(
        (one) => html`<li key=${one.at}>
          ${one.picture && html`<img class="face" src=${one.picture} alt="Face ${one.row} of ${map.dataset}" />`}
          <span class="small quiet number" title=${one.file}>${one.picture ? one.distance.toFixed(2) : `${one.file}, ${one.distance.toFixed(2)}`}</span>
        </li>`,
      )}</ol>
      <p class="small quiet">By the distance of their latents, of which no flat map can keep every one.</p>
    </div>
  </div>`;
}
