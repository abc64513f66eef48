// A chart with a legend that shows the values under the pointer. chart-svg.js draws it.
import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact-htm.js";
import { chartMarkup, formatNumber, layoutChart, legendMarkup, prepareCurves } from "../charts/chart-svg.js";

function useWidth() {
  const box = useRef();
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.round(entry.contentRect.width)));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return [box, width];
}

/** The options are those of chart-svg.js. */
export function Chart({ title, ylabel, series, limits, smooth, marks = [], unit = "kimg" }) {
  const [box, width] = useWidth();
  const [cursor, setCursor] = useState(null);
  const curves = useMemo(() => prepareCurves(series, smooth), [series, smooth]);
  const layout = layoutChart(curves, { title, ylabel, limits, unit, width: width || 300 });
  if (!layout) return null;
  const at = cursor ?? layout.last;
  const move = (event) => setCursor(layout.valueAt(event.clientX - event.currentTarget.getBoundingClientRect().left));
  return html`<figure class="chart">
    <figcaption><h3>${title}</h3><span class="small muted number">${cursor == null ? "latest values" : `at ${formatNumber(at)} ${unit}`}</span></figcaption>
    <ul class="legend small" dangerouslySetInnerHTML=${{ __html: legendMarkup(layout.values(at)) }} />
    <div ref=${box}>
      <svg role="img" aria-label=${layout.label(at)} width=${width || 300} height=${layout.height}
        onPointerMove=${move} onPointerDown=${move} onPointerLeave=${() => setCursor(null)}
        dangerouslySetInnerHTML=${{ __html: width > 0 ? chartMarkup(layout, { marks, cursor }) : "" }} />
    </div>
  </figure>`;
}
