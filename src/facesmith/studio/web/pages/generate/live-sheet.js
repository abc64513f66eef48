// The sheet of a model's faces, drawn again at every change.
import { html, useLayoutEffect, useState } from "../../vendor/preact-htm.js";
import { request, apiUrl } from "../../shell/api.js";
import { decodeBitmap } from "../../components/images.js";
import { useLatestRequest } from "../../components/latest-request.js";
import { Placeholder } from "../../components/feedback.js";
import { columnsFor, FaceGrid } from "../../components/face-grid.js";

/** `query` is that of /generate, `room` the width and height in pixels, `title(index)` the name of a face. */
export function LiveSheet({ model, query, room, title, label, onPick }) {
  const [view, setView] = useState({});
  const { columns, cell } = columnsFor(query.count, model.size, room);
  const sheet = apiUrl("/generate", { ...query, columns, format: "jpeg" });
  const sendLatest = useLatestRequest(
    async (target, signal) => {
      const response = await request("/generate", {
        query: { ...target.query, columns: target.columns, format: "jpeg" },
        signal,
        as: "blob",
      });
      const bitmap = await decodeBitmap(response);
      setView((old) => (old.bitmap?.close(), { ...target, bitmap })); // bitmaps are large, and arrive many times a second
    },
    (item, next) =>
      item.model === next.model && item.query.seed === next.query.seed && item.query.count === next.query.count,
  );
  useLayoutEffect(() => {
    // An effect would wait for the next frame, which a slider has no time for.
    sendLatest({ sheet, query, columns, cell, model, label, title });
  }, [sheet]);
  if (!view.bitmap) {
    const rows = Math.ceil(query.count / columns);
    return html`<${Placeholder} shape=${[columns * model.size[0], rows * model.size[1]]} width=${Math.floor(columns * model.size[0] * cell)} />`;
  }
  return html`<${FaceGrid} bitmap=${view.bitmap} of=${view.sheet} count=${view.query.count} columns=${view.columns}
    shape=${view.model.size} width=${Math.floor(view.columns * view.model.size[0] * view.cell)}
    busy=${view.sheet !== sheet} label=${view.label} name=${view.title} onPick=${onPick} />`;
}
