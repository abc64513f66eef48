// A sheet of faces on a canvas, with a button over every face.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact-htm.js";

/** The number of columns that shows `count` faces largest; full rows are preferred. */
export function columnsFor(count, [width, height], [wide, high]) {
  let best = { worth: 0, columns: 1 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cell = Math.min(wide / columns / width, high / rows / height);
    const worth = cell * (count % columns ? 0.88 : 1);
    if (worth > best.worth) best = { worth, columns, cell };
  }
  return best;
}

/** The width of an element and the height of the window. */
export function useAvailableSize() {
  const ref = useRef();
  const [space, setSpace] = useState(null);
  useLayoutEffect(() => {
    const measure = () => {
      const wide = Math.floor(ref.current.clientWidth);
      setSpace((old) => (old?.[0] === wide && old[1] === innerHeight ? old : [wide, innerHeight]));
    };
    const watch = new ResizeObserver(measure);
    watch.observe(ref.current);
    addEventListener("resize", measure);
    measure();
    return () => (watch.disconnect(), removeEventListener("resize", measure));
  }, []);
  return [ref, space];
}

/** A canvas that shows a bitmap, or a part of it. It keeps the previous one until the next is drawn. Bitmaps without
 * transparency can be `opaque`, which is faster. */
export function BitmapCanvas({ bitmap, part, of, label, opaque = false, ...rest }) {
  const canvas = useRef();
  useLayoutEffect(() => {
    if (!bitmap) return;
    const [x, y, width, height] = part ?? [0, 0, bitmap.width, bitmap.height];
    const element = canvas.current;
    if (element.width !== width || element.height !== height) [element.width, element.height] = [width, height];
    element.getContext("2d", { alpha: !opaque }).drawImage(bitmap, x, y, width, height, 0, 0, width, height);
    if (of) element.dataset.of = of; // identifies the image in tests
  }, [bitmap, part?.join()]);
  return html`<canvas ref=${canvas} role=${label ? "img" : "presentation"} aria-label=${label} width="1" height="1"
    ...${rest} />`;
}

/** Whether `busy` has been true for 300 ms since the last image `of`. Short waits show no progress bar, which also saves
 * rendering time. */
function useSlow(busy, of) {
  const [slow, setSlow] = useState(null);
  useEffect(() => {
    if (!busy) return undefined;
    const timer = setTimeout(setSlow, 300, of);
    return () => clearTimeout(timer);
  }, [busy, of]);
  return busy && slow === of;
}

/** The sheet `bitmap` of `count` faces in `columns`, each a button called `name(index)`; arrow keys move the focus. The
 * names change with `label`; `drag(index)` is the text of a dragged face. */
export function FaceGrid({ bitmap, of, count, columns, shape, width, busy, name, onPick, drag, label }) {
  const cells = useRef();
  const [at, setAt] = useState(0);
  const rows = Math.ceil(count / columns);
  useEffect(() => setAt((old) => Math.min(old, count - 1)), [count]);
  const keys = (event) => {
    const step = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -columns,
      ArrowDown: columns,
      Home: -at,
      End: count - 1 - at,
    }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.min(count - 1, Math.max(0, at + step));
    setAt(next);
    cells.current.children[next]?.focus();
  };
  const style = { width: width && `${width}px`, aspectRatio: `${columns * shape[0]} / ${rows * shape[1]}` };
  const grid = { gridTemplateColumns: `repeat(${columns}, 1fr)`, gridTemplateRows: `repeat(${rows}, 1fr)` };
  const picked = useRef();
  picked.current = { onPick, drag };
  // The buttons stay as they are while the picture below them changes many times a second.
  const buttons = useMemo(
    () =>
      Array.from(
        { length: count },
        (_, index) => html`<button key=${index} class="cell" tabindex=${index === at ? 0 : -1} aria-label=${name(index)}
          draggable=${Boolean(drag)} onClick=${() => (setAt(index), picked.current.onPick(index))}
          onDragStart=${drag && ((event) => event.dataTransfer.setData("text/plain", picked.current.drag(index)))} />`,
      ),
    [count, at, label],
  );
  return html`<div class=${useSlow(busy, of) ? "face-grid slow" : "face-grid"} style=${style} aria-busy=${busy}>
    <${BitmapCanvas} bitmap=${bitmap} of=${of} opaque />
    <div class="cells" ref=${cells} style=${grid} role="group" aria-label=${label} onKeyDown=${keys}>
      ${buttons}
      ${count % columns > 0 && html`<div class="rest-of-row"
        style=${{ gridColumn: `${(count % columns) + 1} / -1` }} />`}
    </div>
  </div>`;
}
