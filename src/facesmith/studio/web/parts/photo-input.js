// Bringing a photo: by dropping it anywhere, pasting it, choosing a file, or with the camera.
import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";
import { say, tell } from "../shell/toasts.js";
import { Camera } from "./camera.js";
import { bring, usePhotos } from "./photos.js";
import { Progress } from "./states.js";

/** `onBrought(photo)`; `model` is asked for how its faces lie. `large` for a page that has no photo yet. */
export function PhotoInput({ model, onBrought, large = false, children }) {
  const [busy, work] = useState(false);
  const [camera, show] = useState(false);
  const [over, hover] = useState(false);
  const photos = usePhotos();
  const chooser = useRef();
  const take = async (file) => {
    if (!file) return;
    work(true);
    try {
      const photo = await bring(file, { model });
      if (!photo.faces.length) tell("No face was found: the whole picture is taken as one");
      onBrought(photo);
    } catch (error) {
      say(error);
    }
    work(false);
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
      event.preventDefault(); // or the browser goes to the picture
      hover(event.type === "dragover");
      if (event.type !== "drop") return;
      const file = picture(event.dataTransfer);
      if (file) newest.current(file);
      else tell("That is no picture");
    };
    const events = { paste, drop: drag, dragover: drag, dragleave: drag };
    for (const [name, listener] of Object.entries(events)) addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(events)) removeEventListener(name, listener);
    };
  }, []);
  return html`<div class="photo-input ${large && "large"} ${over && "over"}">
    ${large && html`<${Icon} name="photo" /><h2>Drop a photo here, or paste one</h2>`}
    <div class="row">
      <button class="button ${large && "primary"}" onClick=${() => chooser.current.click()} disabled=${busy}>
        <${Icon} name="upload" /> ${large ? "Choose a photo" : photos.length ? "Another" : "Photo"}</button>
      <button class="button" onClick=${() => show(true)} disabled=${busy}><${Icon} name="camera" /> Camera</button>
      ${children}
    </div>
    <input ref=${chooser} type="file" accept="image/*" class="unseen" tabindex="-1" aria-label="Photo"
      onChange=${(event) => (take(event.target.files[0]), (event.target.value = ""))} />
    ${busy && html`<${Progress} label="Looking for faces" />`}
    ${large && html`<p class="small quiet privacy"><${Icon} name="shield" /><span>It stays in this studio's memory, is
      written nowhere, and is forgotten after a while.</span></p>`}
    ${camera && html`<${Camera} onClose=${() => show(false)} onTaken=${(file) => (show(false), take(file))} />`}
  </div>`;
}
