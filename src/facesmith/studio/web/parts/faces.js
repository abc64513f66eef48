// Faces by their references: "seed:7:3" and "photo:ID", as the API takes them.
import { html } from "../vendor/preact-htm.js";
import { ask, at } from "../shell/api.js";

/** What a reference says: { seed, index, truncation } or { photo }; null where it is none. */
export function parsed(reference) {
  const [, seed, index = "0", truncation = "1"] =
    /^seed:(\d{1,18})(?::(\d{1,9}))?(?::([\d.]{1,6}))?$/.exec(reference) ?? [];
  if (seed) return { seed, index, truncation };
  const [, photo] = /^photo:([\w-]{1,64})$/.exec(reference) ?? [];
  return photo ? { photo } : null;
}

/** The reference of face `index` of a seed, as short as can be. */
export function seedFace(seed, index, truncation = 1) {
  const parts = [
    "seed",
    seed,
    ...(index || truncation !== 1 ? [index] : []),
    ...(truncation !== 1 ? [truncation] : []),
  ];
  return parts.join(":");
}

/** The address of a face's picture as a model makes it; with `what` "cut" as a photo shows it. */
export function pictureOf(reference, model, what = "made") {
  const of = parsed(reference);
  if (of?.photo) return at(`/faces/${of.photo}.png`, { what, model });
  const { seed, index, truncation } = of ?? { seed: 0, index: 0, truncation: 1 };
  return at("/generate", { model, seed, start: index, truncation, format: "png" });
}

/** A face that was changed, as a reference; one that was not is its own. */
export async function changedFace(model, face, changes, signal) {
  if (!Object.keys(changes).length) return face;
  const said = await ask("/edit", { json: { model, faces: [face], edits: [changes], format: "json" }, signal });
  return said.faces[0].face;
}

/** An answer's picture as a bitmap, decoded beside the page's own work. */
export const bitmapOf = async (answer) => createImageBitmap(await answer);

/** Let the browser save something that was asked for by POST. */
export function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export const Face = ({
  of,
  model,
  what,
  label,
  shape = [1, 1],
}) => html`<img class="face" src=${pictureOf(of, model, what)} alt=${label}
  style=${{ "--shape": `${shape[0]} / ${shape[1]}` }} draggable="true"
  onDragStart=${(event) => event.dataTransfer.setData("text/plain", of)} />`;
