// The photos of this visit, for all pages: the server keeps them in its memory for a while, and the page keeps what it
// needs to show them. Nothing is kept anywhere else.
import { useEffect, useState } from "../vendor/preact-htm.js";
import { ask } from "../shell/api.js";

const SENT_AS_IS = ["image/jpeg", "image/png", "image/webp"];
const LARGEST = 19_000_000; // bytes; servers take 20 MB
const LONGEST = 4096; // pixels of a side, where a picture must be made smaller

let photos = []; // the newest first: { photo, url, size, whole, faces }
const listeners = new Set();

const keep = (list) => ((photos = list), listeners.forEach((listener) => listener()));

export function usePhotos() {
  const [, set] = useState(0);
  useEffect(() => {
    const listener = () => set((count) => count + 1);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, []);
  return photos;
}

/** Send a picture, and remember what was found in it. Its faces, and the picture as a whole where none was found. */
export async function bring(file, { model, aligned = false } = {}) {
  const body = await prepared(file);
  const said = await ask("/photos", {
    query: { model, aligned: aligned || null },
    body,
    headers: { "Content-Type": body.type },
  });
  const photo = { ...said, url: URL.createObjectURL(body) };
  keep([photo, ...photos].slice(0, 12));
  return photo;
}

/** What a server takes: JPEG, PNG or WebP of less than 20 MB. What else a browser can read is made a JPEG. */
async function prepared(file) {
  if (SENT_AS_IS.includes(file.type) && file.size <= LARGEST) return file;
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error("This browser cannot read that picture: bring it as JPEG, PNG or WebP");
  }
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.93 });
}

/** The photo that a face was found in, where it is of this visit. */
export const photoWith = (face) =>
  photos.find((photo) => photo.whole === face || photo.faces.some((one) => one.face === face));

/** Forget a photo, and all that was made of it, here and there. */
export async function forget(photo) {
  await ask(`/photos/${photo.photo}`, { method: "DELETE" });
  URL.revokeObjectURL(photo.url);
  keep(photos.filter((one) => one !== photo));
}

/** Forget all that was brought in this visit. */
export async function forgetAll() {
  await ask("/session", { method: "DELETE" });
  for (const photo of photos) URL.revokeObjectURL(photo.url);
  keep([]);
}
