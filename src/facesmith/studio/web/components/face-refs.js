// Face references, "seed:7:3" and "photo:ID", and their images.
import { html } from "../vendor/preact-htm.js";
import { request, apiUrl } from "../shell/api.js";

/** Parse a reference as { seed, index, truncation, mixes } or { photo }; null if it is invalid. */
export function parseFaceRef(reference) {
  const [, seed, index = "0", truncation = "1", mixes] =
    /^seed:(\d{1,18})(?::(\d{1,9})(?::([0-2](?:\.\d{1,6})?))?)?((?:~\d{1,18}:\d{1,9}:\d{1,3}(?:@\w{1,40}){0,8}){0,8})$/.exec(reference) ?? [];
  if (seed) return { seed, index, truncation, mixes };
  const [, photo] = /^photo:([\w-]{22})$/.exec(reference) ?? [];
  return photo ? { photo } : null;
}

/** The shortest reference of face `index` of a seed. */
export function seedFaceRef(seed, index, truncation = 1) {
  const parts = [
    "seed",
    seed,
    ...(index || truncation !== 1 ? [index] : []),
    ...(truncation !== 1 ? [truncation] : []),
  ];
  return parts.join(":");
}

/** An edited face as `facesmith edit` takes it: "seed:7:3 --set Smiling=1". */
export const editedRefText = (reference, changes) =>
  [reference, ...Object.entries(changes).map(([name, by]) => `--set ${name}=${+by.toFixed(3)}`)].join(" ");

/** Parse such a text as [reference, changes]; null if it is invalid. */
export function parseEditedRef(text) {
  const [reference, ...words] = text.trim().split(/\s+(?:--set\s+)?/);
  const changes = words.map((word) => /^(\w+)=([+-]?\d+(?:\.\d+)?)$/.exec(word));
  return parseFaceRef(reference) && changes.every(Boolean)
    ? [reference, Object.fromEntries(changes.map(([, name, by]) => [name, Number(by)]))]
    : null;
}

/** The address of a face's image by a model, enlarged by `scale`; `what` "cut" is the crop of its photo. */
export function faceImageUrl(reference, model, what = "made", scale = 1, set = null) {
  const of = parseFaceRef(reference);
  if (of?.photo) return apiUrl(`/faces/${of.photo}.png`, { what, model, scale: scale > 1 ? scale : null });
  const options = { set, ...(scale > 1 ? { scale, resample: "lanczos" } : {}) };
  if (of?.mixes || set) return apiUrl("/edit", { model, face: reference, ...options });
  const { seed, index, truncation } = of ?? { seed: 0, index: 0, truncation: 1 };
  return apiUrl("/generate", { model, seed, start: index, truncation, format: "png", ...options });
}

/** The reference of an edited face; without changes, the face itself. */
export async function editedFaceRef(model, face, changes, signal) {
  if (!Object.keys(changes).length) return face;
  const response = await request("/edit", { json: { model, faces: [face], edits: [changes], format: "json" }, signal });
  return response.faces[0].face;
}

export const Face = ({
  of,
  model,
  what,
  label,
  shape = [1, 1],
}) => html`<img class="face" src=${faceImageUrl(of, model, what)} alt=${label}
  style=${{ "--shape": `${shape[0]} / ${shape[1]}` }} draggable="true"
  onDragStart=${(event) => event.dataTransfer.setData("text/plain", of)} />`;
