// The photos of this session, shared by all pages. The server keeps them in memory for a while, the page keeps what it
// needs to show them, and nothing else stores them.
import { useEffect, useState } from "../vendor/preact-htm.js";
import { request, upload } from "../shell/api.js";

const SENT_AS_IS = ["image/jpeg", "image/png", "image/webp"];
const MAX_UPLOAD_BYTES = 19_000_000; // bytes; servers take 20 MB
const MAX_UPLOAD_SIDE = 4096; // pixels, of a picture that must be converted

let photos = []; // newest first: { photo, url, size, whole, faces }
const listeners = new Set();

const setPhotos = (list) => ((photos = list), listeners.forEach((listener) => listener()));

export function usePhotos() {
  const [, set] = useState(0);
  useEffect(() => {
    const listener = () => set((count) => count + 1);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, []);
  return photos;
}

/** Upload a picture and remember the faces found in it. */
export async function uploadPhoto(file, { model, aligned = false, signal, onProgress } = {}) {
  const body = await toSupportedFile(file);
  const response = await upload("/photos", {
    query: { model, aligned: aligned || null },
    body,
    headers: { "Content-Type": body.type },
    signal,
    onProgress,
  });
  const photo = { ...response, url: URL.createObjectURL(body) };
  setPhotos([photo, ...photos].slice(0, 12));
  return photo;
}

/** Convert a picture to what the server accepts: JPEG, PNG or WebP of less than 20 MB. */
async function toSupportedFile(file) {
  if (SENT_AS_IS.includes(file.type) && file.size <= MAX_UPLOAD_BYTES) return file;
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error("This browser cannot read the image: convert it to JPEG, PNG or WebP");
  }
  const scale = Math.min(1, MAX_UPLOAD_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.93 });
}

/** The photo of a face, if it was uploaded in this session. */
export const photoOfFace = (face) =>
  photos.find((photo) => photo.whole === face || photo.faces.some((item) => item.face === face));

/** Delete a photo and everything derived from it, here and on the server. */
export async function deletePhoto(photo) {
  await request(`/photos/${photo.photo}`, { method: "DELETE" });
  URL.revokeObjectURL(photo.url);
  setPhotos(photos.filter((item) => item !== photo));
}

/** Delete everything in this session. */
export async function deleteSession() {
  await request("/session", { method: "DELETE" });
  for (const photo of photos) URL.revokeObjectURL(photo.url);
  setPhotos([]);
}
