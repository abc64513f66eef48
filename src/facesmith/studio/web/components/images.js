// Images of the API: as bitmaps, and as files that are saved.
import { request } from "../shell/api.js";
import { showError } from "../shell/toasts.js";

/** Decode a response as a bitmap, off the main thread. */
export const decodeBitmap = async (blob) => createImageBitmap(await blob);

/** The bitmap of an address, which may be a blob: pages may show those, but not request them. */
export async function loadBitmap(url) {
  const image = Object.assign(new Image(), { src: url });
  await image.decode();
  return createImageBitmap(image);
}

/** Save a blob as a file. */
export function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Save the image or video that a POST request returns. */
export const download = (path, json, name) => request(path, { json, as: "blob" }).then((blob) => save(blob, name), showError);

/** The name of a PNG that was enlarged by `scale`. */
export const pngName = (name, scale) => `${name}${scale > 1 ? `-enlarged-${scale}x` : ""}.png`;
