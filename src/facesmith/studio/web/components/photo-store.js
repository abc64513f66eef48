// The photos of this session, shared by all pages. The server keeps them in memory for a while; the page asks for them
// once, so that they are still there after a reload.
import { useEffect } from "../vendor/preact-htm.js";
import { apiUrl, request, upload } from "../shell/api.js";
import { createListeners } from "../shell/listeners.js";

const SENT_AS_IS = ["image/jpeg", "image/png", "image/webp"];
const MAX_UPLOAD_BYTES = 19_000_000; // bytes; servers take 20 MB
const MAX_UPLOAD_PIXELS = { "image/jpeg": 40_000_000 }; // as servers take
const MAX_OTHER_PIXELS = 20_000_000; // of WebP and deep or transparent pictures
const MAX_UPLOAD_SIDE = 4096; // pixels, of a picture that must be converted

let photos = []; // newest first: { photo, url, size, whole, aligned, faces, provenance }
let loaded = null;
const { notify, useChanges } = createListeners();

const setPhotos = (list) => ((photos = list), notify());
const photoUrl = (photo) => apiUrl(`/photos/${photo.photo}/file`);

async function loadPhotos() {
  const earlier = await request("/photos").catch(() => []); // pages work without them
  const known = photos.map((item) => item.photo);
  setPhotos([...photos, ...earlier.filter((item) => !known.includes(item.photo)).map((item) => ({ ...item, url: photoUrl(item) }))]);
}

export function usePhotos() {
  useChanges();
  useEffect(() => void (loaded ??= loadPhotos()), []);
  return photos;
}

/** Upload a picture and remember the faces found in it. With `aligned`, the whole picture is one face. */
export async function uploadPhoto(file, { aligned = false, signal, onProgress } = {}) {
  const [body, marks] = await toSupportedFile(file);
  const response = await upload("/photos", {
    query: { aligned: aligned || null },
    body,
    headers: { "Content-Type": body.type },
    signal,
    onProgress,
  });
  const photo = { ...response, provenance: marks ?? response.provenance, url: URL.createObjectURL(body) };
  setPhotos([photo, ...photos].slice(0, 12));
  return photo;
}

/** The references of all faces in the photos; a photo without one is a face itself. */
export const photoFaceRefs = (photos) =>
  photos.flatMap((photo) => (photo.faces.length ? photo.faces.map((item) => item.face) : [photo.whole]));

/** The face to start with: the largest, or the whole photo. */
export const firstFace = (photo) => photo.faces[0]?.face ?? photo.whole;

/** The width and height of a picture that the browser can show, from its header. */
const pictureSize = (file) =>
  new Promise((done) => {
    const url = URL.createObjectURL(file);
    const finish = (size) => (URL.revokeObjectURL(url), done(size));
    const onload = (event) => finish([event.target.naturalWidth, event.target.naturalHeight]);
    Object.assign(new Image(), { onload, onerror: () => finish([0, 0]), src: url });
  });

/** Convert a picture to what the server accepts: JPEG, PNG or WebP, not too large. Its marks are lost then, and returned
 * as they were before. */
async function toSupportedFile(file) {
  const maxPixels = MAX_UPLOAD_PIXELS[file.type] ?? MAX_OTHER_PIXELS;
  if (SENT_AS_IS.includes(file.type) && file.size <= MAX_UPLOAD_BYTES) {
    const [width, height] = await pictureSize(file);
    if (width * height <= maxPixels) return [file, null];
  }
  const headers = { "Content-Type": file.type || "application/octet-stream" };
  const marks = file.size <= MAX_UPLOAD_BYTES ? await request("/identify", { body: file, headers }).catch(() => null) : null;
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error("This browser cannot read the image: convert it to JPEG, PNG or WebP");
  }
  const scale = Math.min(1, MAX_UPLOAD_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return [await canvas.convertToBlob({ type: "image/jpeg", quality: 0.93 }), marks];
}

/** The photo of a face, if it is of this session. */
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
