// The region: the faces in a loop, what sets them apart from the others, and a label for all of them.
const SAMPLE = 18; // faces of it shown in the panel

function takeRegion(faces, add = false) {
  if (!add) state.inRegion.fill(0);
  for (const i of faces) state.inRegion[i] = 1;
  state.region = [...state.inRegion.keys()].filter((i) => state.inRegion[i]);
  const { region } = state;
  $("region-none").hidden = region.length > 0;
  $("region-shown").hidden = !region.length;
  $("region-count").textContent = region.length === 1 ? "1 face" : `${number(region.length)} faces`;
  const step = Math.max(1, region.length / SAMPLE);
  thumbnails(
    $("region-faces"),
    Array.from({ length: Math.min(SAMPLE, region.length) }, (_, n) => region[Math.floor(n * step)]),
  );
  apart();
  redraw();
}

// How often each attribute is true in the region and elsewhere. Shown are those whose shares differ most, and by more
// than chance gives: three standard errors of a difference of two shares.
function apart() {
  const found = [];
  for (const [name, values] of attributes) {
    const yes = [0, 0],
      known = [0, 0];
    for (let i = 0; i < COUNT; i++) {
      if (values[i] < 0) continue;
      known[state.inRegion[i]]++;
      yes[state.inRegion[i]] += values[i];
    }
    if (!known[0] || !known[1]) continue;
    const here = yes[1] / known[1],
      elsewhere = yes[0] / known[0],
      pooled = (yes[0] + yes[1]) / (known[0] + known[1]);
    const error = Math.sqrt(pooled * (1 - pooled) * (1 / known[0] + 1 / known[1]));
    if (error && Math.abs(here - elsewhere) > 3 * error) found.push([name, here, elsewhere]);
  }
  found.sort((a, b) => Math.abs(b[1] - b[2]) - Math.abs(a[1] - a[2]));
  const percent = (share) => `${Math.round(100 * share)} %`,
    body = $("region-table").tBodies[0];
  body.replaceChildren(
    ...found.slice(0, 8).map(([name, here, elsewhere]) => {
      const row = body.ownerDocument.createElement("tr");
      for (const text of [plain(name), percent(here), percent(elsewhere)]) row.insertCell().textContent = text;
      return row;
    }),
  );
  if (!found.length) {
    const cell = body.insertRow().insertCell();
    cell.colSpan = 3;
    cell.textContent = attributes.size
      ? "No attribute differs by more than chance gives."
      : "The dataset has no attributes.";
  }
}

$("region-clear").addEventListener("click", () => takeRegion([]));
$("region-view").addEventListener("click", () => takeRegion(onScreen().filter((i) => i < COUNT)));
$("near-region").addEventListener("click", () =>
  takeRegion([state.selected, ...nearOf(state.near, state.selected)].filter((i) => i < COUNT)),
);
$("label-form").addEventListener("submit", (event) => {
  event.preventDefault();
  giveLabel($("label-name").value, state.region, Number(event.submitter?.value ?? 1));
});
