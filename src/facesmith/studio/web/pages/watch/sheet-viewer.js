// The sample sheets of a run, with a scrubber and a play button.
import { html, useEffect, useRef, useState } from "../../vendor/preact-htm.js";
import { AiLine } from "../../components/ai-line.js";
import { Slider } from "../../components/controls.js";
import { Icon } from "../../shell/icons.js";
import { isGan, sheetJpegUrl, imageCount } from "../../components/run-format.js";

const EMPTY_IMAGE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
const FRAME = 140; // milliseconds per sheet while playing, if it is loaded

/** The address of the last decoded image, which avoids flicker. */
function useDecoded(address) {
  const [decoded, setDecoded] = useState(null);
  useEffect(() => {
    if (!address) return;
    let isMounted = true;
    const picture = new Image();
    picture.src = address;
    picture.decode().then(() => isMounted && setDecoded(address), () => isMounted && setDecoded(address));
    return () => (isMounted = false);
  }, [address]);
  return decoded;
}

export function SheetViewer({ run, at, onMove }) {
  const { sheets } = run;
  const box = useRef();
  const [width, setWidth] = useState(0);
  const [playing, setPlaying] = useState(false);
  const last = sheets.length - 1;
  // Unless a sheet is selected, the newest is shown.
  const index = at == null ? -1 : sheets.findIndex((item) => item.kimg >= at - 1e-6);
  const place = at == null || index < 0 ? last : index;
  useEffect(() => setWidth(box.current?.clientWidth ?? 512), [sheets.length > 0]);
  const address = sheets.length && width ? sheetJpegUrl(sheets[place].address, width) : null;
  const decoded = useDecoded(address);
  const go = (to) => onMove(to >= last ? null : sheets[Math.max(0, to)].kimg);
  useEffect(() => {
    if (!playing || decoded !== address) return;
    if (place >= last) return setPlaying(false);
    const timer = setTimeout(() => go(place + 1), FRAME);
    return () => clearTimeout(timer);
  }, [playing, place, decoded, address]);
  useEffect(() => {
    if (playing && place < last) new Image().src = sheetJpegUrl(sheets[place + 1].address, width);
  }, [playing, place]);
  if (!sheets.length) return html`<p class="empty">No sample sheet yet.</p>`;
  const { kimg } = sheets[place];
  const begin = () => {
    if (!playing && place >= last) go(0);
    setPlaying(!playing);
  };
  return html`<div class="sheets" ref=${box}>
    <img class="picture" src=${decoded ?? address ?? EMPTY_IMAGE} width="8" height="8" alt=${`Sample sheet of ${run.name} after ${imageCount(kimg)} images`} />
    <div class="scrub">
      <button class="plain" aria-label=${playing ? "Pause" : `Play all sheets of ${run.name}`} onClick=${begin} disabled=${last < 1}>
        <${Icon} name=${playing ? "pause" : "play"} />
      </button>
      <${Slider} label=${`Sheet ${place + 1} of ${sheets.length}`} value=${place} low=${0} high=${Math.max(1, last)} step=${1}
        format=${() => `${imageCount(kimg)} images`} onInput=${(to) => (setPlaying(false), go(to))} />
    </div>
    ${isGan(run.info) && html`<${AiLine} />`}
  </div>`;
}
