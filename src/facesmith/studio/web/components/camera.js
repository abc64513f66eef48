// Take a picture with the camera.
import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";
import { Icon } from "../shell/icons.js";
import { Dialog } from "./dialog.js";

export function Camera({ onTaken, onClose }) {
  const video = useRef();
  const [trouble, setTrouble] = useState(null);
  const [ready, setReady] = useState(false);
  useEffect(() => {
    let stream = null;
    let isClosed = false;
    // Browsers allow camera access only on https pages and on localhost.
    if (!navigator.mediaDevices) return setTrouble("Browsers allow camera access only on https pages and on localhost.");
    navigator.mediaDevices
      .getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 960 } } })
      .then(
        (mediaStream) => {
          stream = mediaStream;
          if (isClosed) return stop();
          video.current.srcObject = mediaStream;
        },
        (error) =>
          isClosed || setTrouble(error.name === "NotAllowedError" ? "Access to the camera was denied." : "No camera was found."),
      );
    const stop = () => stream?.getTracks().forEach((track) => track.stop());
    return () => ((isClosed = true), stop());
  }, []);
  const take = () => {
    const { videoWidth: width, videoHeight: height } = video.current;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").drawImage(video.current, 0, 0);
    canvas.toBlob((blob) => onTaken(blob), "image/jpeg", 0.93);
  };
  return html`<${Dialog} title="Camera" onClose=${onClose}>
    ${
      trouble
        ? html`<p role="alert">${trouble}</p>`
        : html`<div class="camera">
          <video ref=${video} autoplay muted playsinline onLoadedData=${() => setReady(true)}
            aria-label="Camera preview" />
          <button class="button primary" disabled=${!ready} onClick=${take}><${Icon} name="camera" /> Take a
            picture</button>
        </div>`
    }
  <//>`;
}
