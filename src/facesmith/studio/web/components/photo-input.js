// Upload a photo: drop it anywhere on the page, paste it, choose a file, or use the camera.
import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";
import { showError, showWarning } from "../shell/toasts.js";
import { Camera } from "./camera.js";
import { uploadPhoto, usePhotos } from "./photo-store.js";
import { Progress } from "./feedback.js";

const PREPARING = "preparing"; // large photos are reduced first

/** Calls `onUploaded(photo)` after an upload. `large` is for a page without a photo. */
export function PhotoInput({ onUploaded, large = false, children }) {
  const [busy, setBusy] = useState(false); // or PREPARING, or the share of the photo that was sent
  const sending = useRef();
  const [camera, setCamera] = useState(false);
  const [over, setOver] = useState(false);
  const photos = usePhotos();
  const chooser = useRef();
  const take = async (file) => {
    if (!file) return;
    sending.current?.abort(); // a photo dropped meanwhile replaces it
    setBusy(PREPARING);
    const control = (sending.current = new AbortController());
    try {
      const photo = await uploadPhoto(file, { signal: control.signal, onProgress: setBusy });
      if (!photo.faces.length) showWarning("No face was found, so the whole photo is used");
      onUploaded(photo);
    } catch (error) {
      showError(error);
    }
    if (sending.current === control) setBusy(false);
  };
  const newest = useRef();
  newest.current = take;
  useEffect(() => {
    const picture = (transfer) => [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/"));
    const paste = (event) => {
      const file = picture(event.clipboardData);
      if (file) (event.preventDefault(), newest.current(file));
    };
    const drag = (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // otherwise the browser opens the picture
      setOver(event.type === "dragover");
      if (event.type !== "drop") return;
      const file = picture(event.dataTransfer);
      if (file) newest.current(file);
      else showWarning("This file is not an image");
    };
    const events = { paste, drop: drag, dragover: drag, dragleave: drag };
    for (const [name, listener] of Object.entries(events)) addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(events)) removeEventListener(name, listener);
    };
  }, []);
  return html`<div class="photo-input ${large && "large"} ${over && "over"}">
    ${large && html`<${Icon} name="photo" /><h2>Drop or paste a photo here</h2>`}
    <div class="row">
      <button class="button ${large && "primary"}" onClick=${() => chooser.current.click()} disabled=${busy}>
        <${Icon} name="upload" /> ${large ? "Choose a photo" : photos.length ? "Another photo" : "Photo"}</button>
      <button class="button" onClick=${() => setCamera(true)} disabled=${busy}><${Icon} name="camera" /> Camera</button>
      ${children}
    </div>
    <input ref=${chooser} type="file" accept="image/*" class="visually-hidden" tabindex="-1" aria-label="Photo"
      onChange=${(event) => (take(event.target.files[0]), (event.target.value = ""))} />
    ${busy && html`<${Progress} label=${busy === PREPARING ? "Preparing the photo" : busy < 1 ? "Sending the photo" : "Finding faces"} value=${busy < 1 ? busy : undefined}>
      <button type="button" class="button" onClick=${() => sending.current.abort()}>Cancel</button><//>`}
    ${large && html`<p class="small muted privacy"><${Icon} name="shield" /><span>Your photo stays in the studio's memory, is
      never written to disk, and is deleted after 30 minutes without activity.</span></p>`}
    ${camera && html`<${Camera} onClose=${() => setCamera(false)} onTaken=${(file) => (setCamera(false), take(file))} />`}
  </div>`;
}
