// Make a dataset of photos from this computer: choose, send, look at the crops, import.
import { html, useEffect, useRef, useState } from "../../vendor/preact-htm.js";
import { apiUrl, request } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { showError, showMessage } from "../../shell/toasts.js";
import { Select } from "../../components/controls.js";
import { Dialog } from "../../components/dialog.js";
import { Progress } from "../../components/feedback.js";
import { readable, sendPhotos } from "../../components/photo-upload.js";
import { freeName, validName } from "../../components/run-names.js";

const SIZES = [32, 64, 128, 256].map((size) => [String(size), `${size} x ${size} pixels`]);
const drop = (id) => request(`/imports/${id}`, { method: "DELETE" }).catch(() => {});

/** `names` are taken; `onCreated(name)` is called with the new dataset. */
export function ImportForm({ names, onClose, onCreated }) {
  const [upload, setUpload] = useState(null); // {id, count, sent: 0 to 1, progress}
  const [name, setName] = useState(() => freeName("photos", names));
  const [size, setSize] = useState("64");
  const [align, setAlign] = useState(true);
  const [stage, setStage] = useState("choose"); // send, look, import
  const control = useRef(new AbortController());
  const id = useRef(null);
  const [folder, files] = [useRef(), useRef()];
  useEffect(() => () => (control.current.abort(), id.current && drop(id.current)), []);
  const failed = (error) => {
    if (control.current.signal.aborted) return;
    showError(error);
    setStage(id.current ? "look" : "choose");
  };
  const take = async (chosen) => {
    const pairs = readable(chosen);
    if (!pairs.length) return showMessage("None of these files is a photo or a zip");
    const { signal } = control.current;
    setStage("send");
    try {
      const { id: made } = await request("/imports", { method: "POST", signal });
      id.current = made;
      setUpload({ count: pairs.length, sent: 0 });
      await sendPhotos(made, pairs, signal, (sent) => setUpload((before) => ({ ...before, sent })));
      setStage("look");
    } catch (error) {
      if (id.current) drop(id.current);
      id.current = null;
      failed(error);
    }
  };
  const start = async (event) => {
    event.preventDefault();
    const { signal } = control.current;
    setStage("import");
    try {
      let info = await request(`/imports/${id.current}/start`, { json: { name, size: Number(size), align }, signal });
      while (info.state === "importing" || info.state === "uploading") {
        setUpload((before) => ({ ...before, progress: info.progress ?? undefined }));
        await new Promise((done) => setTimeout(done, 700));
        if (signal.aborted) return;
        info = await request(`/imports/${id.current}`, { signal });
      }
      if (info.state === "failed") throw new Error(info.error);
      onCreated(info.dataset ?? name);
    } catch (error) {
      failed(error);
    }
  };
  return html`<${Dialog} title="Import photos" onClose=${onClose}>
    <form class="training-form" onSubmit=${start}>
      ${stage === "choose" && html`
        <p>Choose a folder of photos or a zip file. The photos are stored on the computer that runs the studio. If the folder contains a table of labels, it is imported too.</p>
        <div class="row">
          <button type="button" class="button primary" onClick=${() => folder.current.click()}><${Icon} name="upload" />Choose a folder</button>
          <button type="button" class="button" onClick=${() => files.current.click()}><${Icon} name="upload" />Choose photos or a zip</button>
        </div>
        <input ref=${folder} type="file" webkitdirectory class="visually-hidden" tabindex="-1" aria-label="Folder of photos" onChange=${(event) => take(event.target.files)} />
        <input ref=${files} type="file" multiple accept="image/*,.zip" class="visually-hidden" tabindex="-1" aria-label="Photos or a zip" onChange=${(event) => take(event.target.files)} />`}
      ${stage === "send" && html`<${Progress} label=${`Sending ${upload?.count ?? ""} ${upload?.count === 1 ? "file" : "files"}`} value=${upload?.sent}>
          <span class="number">${Math.round(100 * (upload?.sent ?? 0))}%</span><//>
        <div><button type="button" class="button" onClick=${onClose}>Cancel</button></div>`}
      ${stage === "look" && html`
        <div class="row even">
          <div class="field"><label for="dataset-name">Dataset name</label>
            <input id="dataset-name" type="text" required maxlength="64" ...${validName} value=${name} onInput=${(event) => setName(event.target.value)} /></div>
          <${Select} label="Image size" value=${size} options=${SIZES} onChange=${setSize} />
        </div>
        <label class="check"><input type="checkbox" checked=${align} onChange=${(event) => setAlign(event.target.checked)} /> Find the faces, turn them upright and crop them</label>
        <${Preview} key=${`${size} ${align}`} id=${id.current} size=${size} align=${align} />
        <div class="row spread"><button type="button" class="button" onClick=${onClose}>Cancel</button>
          <button class="button primary">Import</button></div>`}
      ${stage === "import" && html`<${Progress} label="Importing the photos" value=${upload?.progress} />
        <div><button type="button" class="button" onClick=${onClose}>Cancel</button></div>`}
    </form>
  <//>`;
}

function Preview({ id, size, align }) {
  const [state, setState] = useState("waiting");
  const [reason, setReason] = useState("");
  const address = apiUrl(`/imports/${id}/preview`, { size, align });
  const fail = () => {
    setState("failed");
    request(`/imports/${id}/preview`, { query: { size, align }, as: "blob" }).catch((error) => setReason(error.message));
  };
  return html`<div class="crops" aria-busy=${state === "waiting"}>
    ${state === "waiting" && html`<${Progress} label="Preparing the preview" />`}
    ${state === "failed" && html`<p class="warning" role="status">${reason || "The preview cannot be shown."}</p>`}
    ${state !== "failed" && html`<img class="picture" hidden=${state !== "there"} src=${address} onLoad=${() => setState("there")} onError=${fail} alt="How the first photos are cropped" />`}
  </div>`;
}
