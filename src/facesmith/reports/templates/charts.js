// Draws the charts of a page: each figure has its options as JSON. Follows chart-svg.js in the same inline module.
for (const figure of document.querySelectorAll("figure.chart")) {
  const options = JSON.parse(figure.querySelector("script").textContent);
  const curves = prepareCurves(options.series, options.smooth);
  const [legend, position, svg] = [".legend", ".position", "svg.plot"].map((selector) => figure.querySelector(selector));
  let layout = null;
  const draw = (cursor = null) => {
    layout = layoutChart(curves, { ...options, width: Math.max(240, svg.parentElement.clientWidth) });
    if (!layout) return;
    const at = cursor ?? layout.last;
    legend.innerHTML = legendMarkup(layout.values(at));
    position.textContent = cursor == null ? "last" : `at ${formatNumber(at)} ${options.unit}`;
    svg.setAttribute("viewBox", `0 0 ${layout.left + layout.plotWidth + 10} ${layout.height}`);
    svg.setAttribute("aria-label", layout.label(at));
    svg.innerHTML = chartMarkup(layout, { marks: options.marks, cursor });
  };
  const move = (event) => draw(layout?.valueAt(event.clientX - svg.getBoundingClientRect().left));
  svg.addEventListener("pointermove", move);
  svg.addEventListener("pointerdown", move);
  svg.addEventListener("pointerleave", () => draw());
  new ResizeObserver(() => draw()).observe(svg.parentElement);
}
