// Formats for the facts of a run.
import { html } from "../vendor/preact-htm.js";

const STATUS = {
  running: "running",
  silent: "not responding",
  finished: "finished",
  interrupted: "interrupted",
  failed: "failed",
};

export const Status = ({ status }) => html`<span class="status ${status}">${STATUS[status] ?? status}</span>`;

/** Whether the sheets of a run are generated faces; those of other tasks show photos. */
export const isGan = (info) => (info.settings.task ?? "gan") === "gan";

/** "45 seconds", "12 minutes", "3 h 5 min", "2 d 4 h". */
export function duration(seconds) {
  if (seconds == null) return "–";
  if (seconds < 90) return `${Math.round(seconds)} ${Math.round(seconds) === 1 ? "second" : "seconds"}`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} minutes`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} d ${Math.round((minutes % 1440) / 60)} h`;
}

/** The health of a run as {name, meaning}; without a name if it has not been measured. */
export function healthOf(info) {
  const [, name, meaning] = info.health_text?.match(/“(.+?)”[:.]?\s*(.*)/) ?? [];
  return { name, meaning };
}

/** "560K": images in a list. */
export const compactCount = (kimg) => new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 0 }).format(kimg * 1000);

export const imageCount = (kimg) => Math.round(kimg * 1000).toLocaleString("en");

/** The sheet of an address as a JPEG no wider than it is shown. */
export const sheetJpegUrl = (address, width) =>
  address.replace(".png?", ".jpg?") + `&width=${Math.min(2048, Math.ceil((width * (globalThis.devicePixelRatio || 1)) / 64) * 64)}`;
