// Send many photos, or a zip, in parts: with progress, and a signal to cancel.
import { request } from "../shell/api.js";

const PART_BYTES = 4_000_000;
const AT_ONCE = 3; // requests
const PHOTO = /\.(jpe?g|png|webp|avif|jp2|heic|heif|bmp|gif|tiff?)$/i;
const TABLE = /\.(csv|txt|json|jsonl|parquet)$/i; // labels

/** The files of a selection or a drop that an import reads: [path, file] pairs. */
export function readable(files) {
  // A chosen folder is the root of its files: its name would become the name of a class.
  const pairs = [...files].map((file) => [file.webkitRelativePath.replace(/^[^/]*\//, "") || file.name, file]);
  const zips = pairs.filter(([path]) => /\.zip$/i.test(path));
  if (zips.length) return zips.slice(0, 1);
  return pairs.filter(([path]) => (PHOTO.test(path) || TABLE.test(path)) && !path.split("/").some((part) => part.startsWith(".")));
}

async function sendFile(upload, path, file, signal, onBytes) {
  for (let offset = 0; offset === 0 || offset < file.size; offset += PART_BYTES) {
    const part = file.slice(offset, offset + PART_BYTES);
    const options = { method: "PUT", query: { path, offset }, body: part, headers: { "Content-Type": "application/octet-stream" }, signal };
    for (let trial = 0; ; trial++) {
      try {
        await request(`/imports/${upload}/files`, options);
        break;
      } catch (error) {
        if (signal.aborted || trial === 4 || (error.status && error.status !== 429)) throw error;
        await new Promise((done) => setTimeout(done, 1000 * 2 ** trial));
      }
    }
    onBytes(part.size);
  }
}

/** Send `pairs` of path and file to an upload; `onProgress` gets the share that was sent. */
export async function sendPhotos(upload, pairs, signal, onProgress) {
  const total = pairs.reduce((sum, [, file]) => sum + file.size, 0) || 1;
  let [sent, next] = [0, 0];
  const work = async () => {
    while (next < pairs.length && !signal.aborted) {
      const [path, file] = pairs[next++];
      await sendFile(upload, path, file, signal, (bytes) => onProgress((sent += bytes) / total));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}
