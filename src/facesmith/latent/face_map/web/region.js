// The region: the selected faces, how their attributes differ from the other faces, and a label for all of them.
const SAMPLE = 18; // faces of the region shown in the panel

function takeRegion(faces, add = false) {
  if (!add) state.inRegion.fill(0);
  for (const i of faces) state.inRegion[i] = 1;
  state.region = [...state.inRegion.keys()].filter((i) => state.inRegion[i]);
  const { region } = state;
  $("region-none").hidden = region.length > 0;
  $("region-details").hidden = !region.length;
  $("region-count").textContent = region.length === 1 ? "1 face" : `${number(region.length)} faces`;
  const step = Math.max(1, region.length / SAMPLE);
  thumbnails(
    $("region-faces"),
    Array.from({ length: Math.min(SAMPLE, region.length) }, (_, n) => region[Math.floor(n * step)]),
  );
  compareRegion();
  redraw();
}

// Show how often each attribute is true inside and outside the region, for the attributes that differ most. The
// threshold is three standard errors of the difference between two proportions.
function compareRegion() {
  const differences = [];
  for (const [name, values] of attributes) {
    const positives = [0, 0],
      counts = [0, 0];
    for (let i = 0; i < COUNT; i++) {
      if (values[i] < 0) continue;
      counts[state.inRegion[i]]++;
      positives[state.inRegion[i]] += values[i];
    }
    if (!counts[0] || !counts[1]) continue;
    const inside = positives[1] / counts[1],
      outside = positives[0] / counts[0],
      pooled = (positives[0] + positives[1]) / (counts[0] + counts[1]);
    const error = Math.sqrt(pooled * (1 - pooled) * (1 / counts[0] + 1 / counts[1]));
    if (error && Math.abs(inside - outside) > 3 * error) differences.push([name, inside, outside]);
  }
  differences.sort((a, b) => Math.abs(b[1] - b[2]) - Math.abs(a[1] - a[2]));
  const percent = (share) => `${Math.round(100 * share)} %`,
    body = $("region-table").tBodies[0];
  body.replaceChildren(
    ...differences.slice(0, 8).map(([name, inside, outside]) => {
      const row = body.ownerDocument.createElement("tr");
      for (const text of [plain(name), percent(inside), percent(outside)]) row.insertCell().textContent = text;
      return row;
    }),
  );
  if (!differences.length) {
    const cell = body.insertRow().insertCell();
    cell.colSpan = 3;
    cell.textContent = attributes.size
      ? "No attribute differs significantly."
      : "The dataset has no attributes.";
  }
}

$("region-clear").addEventListener("click", () => takeRegion([]));
$("region-view").addEventListener("click", () => takeRegion(visibleIndices().filter((i) => i < COUNT)));
$("near-region").addEventListener("click", () =>
  takeRegion([state.selected, ...neighboursOf(state.neighbourSpace, state.selected)].filter((i) => i < COUNT)),
);
$("label-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setLabel($("label-name").value, state.region, Number(event.submitter?.value ?? 1));
});
