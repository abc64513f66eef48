// Faces that a visitor keeps: in this browser only, so that they survive a reload. A face is { model, face, set }, its
// reference and its sliders, never a photo.
import { html } from "../vendor/preact-htm.js";
import { createListeners } from "../shell/listeners.js";
import { formatEdit } from "../shell/query-fields.js";
import { Icon } from "../shell/icons.js";
import { showWarning } from "../shell/toasts.js";
import { editLabel } from "./attribute-sliders.js";
import { faceImageUrl, parseFaceRef } from "./face-refs.js";

const KEY = "facesmith-favourites";
const MAX_FAVOURITES = 200;
const { notify, useChanges } = createListeners();
addEventListener("storage", notify); // another tab

function read() {
  try {
    const items = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return items.filter((item) => typeof item.model === "string" && parseFaceRef(item.face)?.seed && typeof item.set === "object");
  } catch {
    return []; // not written by this page, or storage is forbidden
  }
}

const keyOf = ({ model, face, set }) => [model, face, ...formatEdit(set).sort()].join(" ");

/** The kept faces, newest first, a function that tells whether a face is kept, and one that keeps it or removes it. */
export function useFavourites() {
  useChanges();
  const items = read();
  const isKept = (item) => items.some((other) => keyOf(other) === keyOf(item));
  const flip = (item) => {
    const next = isKept(item) ? items.filter((other) => keyOf(other) !== keyOf(item)) : [item, ...items].slice(0, MAX_FAVOURITES);
    try {
      localStorage.setItem(KEY, JSON.stringify(next));
    } catch {
      return showWarning("the face cannot be kept because this browser does not let this site store data");
    }
    notify();
  };
  return [items, isKept, flip];
}

/** The address of a kept face's image. */
export const favouriteUrl = ({ model, face, set }, scale = 1) =>
  faceImageUrl(face, model, "made", scale, formatEdit(set).join() || null);

/** The kept faces of the models that there are, to pick one. `onPick` gets the item. */
export function Favourites({ models, title = "Favourites", verb = "Open", onPick, onRemove }) {
  const [items] = useFavourites();
  const shown = items.filter((item) => models.some((model) => model.name === item.model));
  return html`<section class="favourites" aria-label=${title}>
    <h2>${title}</h2>
    ${shown.length === 0 && html`<p class="small muted">The faces that you keep are listed here. They are stored in this browser.</p>`}
    <ul>${shown.map((item) => {
      const name = `${item.face}, ${item.model}. ${editLabel(item.set)}`;
      return html`<li key=${keyOf(item)}>
        <button class="button" aria-label="${verb} ${name}" title=${name} onClick=${() => onPick(item)}><img class="face" src=${favouriteUrl(item)} alt="" loading="lazy" /></button>
        ${onRemove && html`<button class="plain remove" aria-label="Remove ${name}" onClick=${() => onRemove(item)}><${Icon} name="close" /></button>`}
      </li>`;
    })}</ul>
  </section>`;
}
