// Plays the frames of a sheet.
import { html, useEffect, useState } from "../../vendor/preact-htm.js";
import { Icon } from "../../shell/icons.js";
import { BitmapCanvas } from "../../components/face-grid.js";

export function Player({ bitmap, frames, columns, shape: [width, height], speed, loop }) {
  const [frame, setFrame] = useState(0);
  const [playing, setPlaying] = useState(!matchMedia("(prefers-reduced-motion: reduce)").matches);
  useEffect(() => {
    if (!playing) return;
    // An animation that is not a loop plays forward and back.
    let back = false;
    const timer = setInterval(
      () =>
        setFrame((index) => {
          if (loop) return (index + 1) % frames;
          if (index >= frames - 1) back = true;
          if (index <= 0) back = false;
          return Math.min(frames - 1, Math.max(0, index + (back ? -1 : 1)));
        }),
      1000 / speed,
    );
    return () => clearInterval(timer);
  }, [playing, frames, loop, speed]);
  const at = Math.min(frame, frames - 1);
  const part = [(at % columns) * width, Math.floor(at / columns) * height, width, height];
  return html`<div class="player">
    <${BitmapCanvas} bitmap=${bitmap} part=${part} label="The animation" style=${{ aspectRatio: `${width} / ${height}` }} />
    <div class="with">
      <button class="button" aria-label=${playing ? "Pause" : "Play"} onClick=${() => setPlaying(!playing)}>
        <${Icon} name=${playing ? "pause" : "play"} /></button>
      <input type="range" min="0" max=${frames - 1} step="1" value=${at} aria-label="Frame"
        style=${{ "--to": `${(100 * at) / (frames - 1)}%` }}
        onInput=${(event) => (setPlaying(false), setFrame(event.target.valueAsNumber))} />
    </div>
  </div>`;
}
