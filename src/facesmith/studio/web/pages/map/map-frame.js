// The map in its frame, which has no origin: the two pages exchange messages (see latent/face_map/web/studio.js).
import { html, useEffect, useRef, useState } from "../../vendor/preact-htm.js";
import { request, useLoad } from "../../shell/api.js";
import { useTheme } from "../../shell/theme.js";
import { faceImageUrl, parseFaceRef } from "../../components/face-refs.js";
import { Progress } from "../../components/feedback.js";

const drafts = {}; // map: {labels, unsaved}, so that labels survive a visit to another page
addEventListener("beforeunload", (event) => Object.values(drafts).some((draft) => draft.unsaved) && event.preventDefault());

/** A picture as a data: address, the only kind that the frame may show. */
async function dataUrl(address, signal) {
  const blob = await (await fetch(address, { signal })).blob();
  return new Promise((done) => {
    const reader = Object.assign(new FileReader(), { onload: () => done(reader.result) });
    reader.readAsDataURL(blob);
  });
}

/** The position, the neighbours and the picture of a face. */
async function placeFace(map, face, signal) {
  const { places, neighbours, model } = await request(`/maps/${map.name}/place`, { json: { face }, signal });
  const isPhoto = Boolean(parseFaceRef(face).photo);
  const picture = await dataUrl(faceImageUrl(face, model, isPhoto ? "cut" : "made"), signal);
  return { name: isPhoto ? "Your photo" : face, places, picture, neighbours: neighbours.map((item) => item.at) };
}

/** `view` are the address's fields, `face` the face to place; `onView` gets what was chosen in the frame. */
export function MapFrame({ map, view, face, onView, onLost }) {
  const frame = useRef();
  const [ready, setReady] = useState(false);
  const [height, setHeight] = useState(null);
  const theme = useTheme();
  const { value: place, error, loading } = useLoad((signal) => face && placeFace(map, face, signal), [face]);
  const lost = error?.status === 404; // the session has forgotten the photo
  useEffect(() => lost && onLost(), [lost]);
  useEffect(() => {
    const listener = ({ source, data }) => {
      if (source !== frame.current?.contentWindow) return;
      if (data.ready) setReady(true);
      if ("height" in data) setHeight(data.height);
      if (data.view) onView(data.view);
      if ("labels" in data) drafts[map.name] = data;
    };
    addEventListener("message", listener);
    return () => removeEventListener("message", listener);
  }, []);
  const send = (message) => ready && frame.current.contentWindow.postMessage(message, "*");
  useEffect(() => drafts[map.name]?.labels && send({ labels: drafts[map.name].labels }), [ready]);
  useEffect(() => send({ theme }), [ready, theme]);
  useEffect(() => send({ view: { space: view.space, method: view.method, shape: view.shape, colour: view.colour } }), [ready, view.space, view.method, view.shape, view.colour]);
  useEffect(() => send({ place: (face && place) || null }), [ready, place, face]);
  return html`${face && loading && html`<${Progress} label="Placing the face" />`}
    <iframe ref=${frame} class="faces-map" src=${map.page} title=${`Map of ${map.dataset}`} style=${height ? { height: `${height + 2}px`, flex: "none" } : {}}
      sandbox="allow-scripts allow-downloads allow-forms"></iframe>`;
}
