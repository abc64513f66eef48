// In the studio this page is a frame. The studio's page has the address and places faces; messages go both ways:
// from here {ready}, {height}, {view}, {labels, unsaved}; to here {view}, {place}, {labels}, {theme}.
let hasJoined = false; // until then nothing is told: the studio may have other labels and another view
const tell = (message) => hasJoined && window.parent.postMessage(message, "*");
const nameOf = ({ space, method, shape }) => `${space}_${method.toLowerCase().replace("-", "")}_${shape}`;

// The layout and the attribute that colours the faces, for the address; "-": no colours.
function tellView() {
  const [kind, name] = [$("colour").value.slice(0, 2), $("colour").value.slice(2)];
  const [space, method, shape] = nameOf(state.layout).split("_");
  tell({ view: { space, method, shape, colour: kind === "a:" ? name : kind ? "" : "-" } });
}

const tellLabels = () => tell({ labels: labels.size ? labelsCSV(false) : "", unsaved: hasUnsavedLabels && labels.size > 0 });

function showView({ space, method, shape, colour }) {
  const [ownSpace, ownMethod] = nameOf(state.layout).split("_");
  const name = `${space || ownSpace}_${method || ownMethod}_${shape}`;
  const layout = layouts.find((item) => nameOf(item) === name);
  if (layout && layout !== state.layout) showLayout(layout);
  const choice = colour === "-" ? "" : `a:${colour}`;
  if (colour && choice !== $("colour").value && (!choice || valuesOf(choice))) {
    $("colour").value = choice;
    recolour();
  }
}

async function showPlaced(place) {
  const wasSelected = state.selected === PLACED;
  state.placed = null;
  if (wasSelected) select(-1);
  if (!place) return redraw();
  const picture = new Image();
  picture.src = place.picture;
  await picture.decode().catch(() => {});
  state.placed = { ...place, picture: picture.naturalWidth ? picture : null };
  DATA.files[PLACED] = place.name;
  for (const layout of layouts) {
    const [x = 0, y = 0, z = 0] = place.places[nameOf(layout)] ?? [];
    layout.points.set([x, y, z].map((value) => Math.max(-1, Math.min(1, value))), 3 * PLACED);
  }
  current.set(state.layout.points.subarray(3 * PLACED), 3 * PLACED);
  select(PLACED, false);
  if (nameOf(state.layout) in place.places) centreOn(PLACED);
  return redraw();
}

// The theme that was chosen in the studio, instead of the system's.
const styles = document.querySelector("style"),
  stylesOfBothThemes = styles.textContent;
function useTheme(theme) {
  styles.textContent = ["light", "dark"].includes(theme)
    ? stylesOfBothThemes
        .replace("(prefers-color-scheme: dark)", theme === "dark" ? "all" : "not all")
        .replace("color-scheme: light dark", `color-scheme: ${theme}`)
    : stylesOfBothThemes;
  readColours();
  recolour();
}

function joinStudio() {
  hasJoined = true;
  document.documentElement.classList.add("embedded");
  addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || typeof data !== "object" || !data) return;
    if ("theme" in data) useTheme(data.theme);
    if (data.view) showView(data.view);
    if (data.labels) loadLabels(data.labels);
    if ("place" in data) showPlaced(data.place);
  });
  // Below the map the panel has no end of its own: the studio's page scrolls instead of the frame.
  const isStacked = matchMedia("(max-width: 46rem)");
  new ResizeObserver(() => tell({ height: isStacked.matches ? document.body.scrollHeight : null })).observe(document.body);
  tell({ ready: true });
}
