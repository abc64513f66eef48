// Set up the page: the choices of the panel, the size of the canvas, and the initial view.
function fillChoices(into, names, texts, selected, action) {
  into.replaceChildren(
    ...(names.length > 1 ? names : []).map((name) => {
      const element = button(texts[name] ?? name, () => action(name));
      element.removeAttribute("title");
      element.setAttribute("role", "radio");
      element.setAttribute("aria-checked", String(name === selected));
      return element;
    }),
  );
}

const distinct = (key, list = layouts) => [...new Set(list.map((layout) => layout[key]))];

function updateLayoutChoices() {
  const { layout } = state,
    go = (change) => {
      const goal = { ...layout, ...change };
      showLayout(layouts.find((item) => ["space", "method", "shape"].every((key) => item[key] === goal[key])));
      tellView();
    };
  fillChoices($("spaces"), distinct("space"), SPACES, layout.space, (space) => go({ space }));
  fillChoices($("methods"), distinct("method"), {}, layout.method, (method) => go({ method }));
  fillChoices($("shapes"), distinct("shape"), SHAPES, layout.shape, (shape) => go({ shape }));
  fillChoices($("near-spaces"), distinct("space"), SPACES, state.neighbourSpace, (space) => {
    state.neighbourSpace = space;
    updateLayoutChoices();
    select(state.selected, false);
  });
}

function showLayout(layout) {
  const focusedGroup = document.activeElement?.closest?.(".choice")?.id,
    focusedText = document.activeElement?.textContent;
  state.layout = layout;
  fit();
  $("spin").hidden = !inSpace();
  spin(false);
  updateLayoutChoices();
  if (focusedGroup) [...$(focusedGroup).children].find((item) => item.textContent === focusedText)?.focus();
  animateTo(inSpace() ? { ...overview(), yaw: camera.yaw || 0.5, pitch: camera.pitch || 0.25 } : overview());
}

// Compute the scale that fits the layout into the canvas, with a margin for faces at its edge.
function fit() {
  const reach = [1e-6, 1e-6],
    { points, shape } = state.layout,
    margin = 32;
  for (let i = 0; i < points.length; i++) if (i % 3 < 2) reach[i % 3] = Math.max(reach[i % 3], Math.abs(points[i]));
  const [right, up] = shape === "2d" ? reach : [1.05, 1.05];
  screen.fitScale = Math.max(20, Math.min((screen.width / 2 - margin) / right, (screen.height / 2 - margin) / up));
}

function resizeCanvas() {
  const box = canvas.getBoundingClientRect(),
    ratio = Math.min(2, devicePixelRatio || 1),
    previous = screen.fitScale;
  [screen.width, screen.height] = [Math.max(1, box.width), Math.max(1, box.height)];
  fit();
  [canvas.width, canvas.height] = [Math.round(screen.width * ratio), Math.round(screen.height * ratio)];
  camera.scale *= screen.fitScale / previous;
  redraw();
}

for (const tool of ["move", "lasso"]) $(tool).addEventListener("click", () => useTool(tool));
$("spin").addEventListener("click", () => spin(!state.spinning));
$("closer").addEventListener("click", () => {
  finishMotion();
  zoom(1.6);
});
$("farther").addEventListener("click", () => {
  finishMotion();
  zoom(1 / 1.6);
});
$("show-all").addEventListener("click", () => animateTo(overview()));
$("colour").addEventListener("change", () => {
  recolour();
  tellView();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  readColours();
  recolour();
});

{
  const photoCount = total() - COUNT,
    { source } = DATA;
  $("lead").textContent =
    `${number(COUNT)}${DATA.of > COUNT ? ` of ${number(DATA.of)}` : ""} faces, ` +
    `placed by the encoder of ${DATA.model}: similar faces are close together.` +
    (photoCount ? ` ${photoCount === 1 ? "Your photo is" : `Your ${photoCount} photos are`} marked.` : "");
  $("privacy").textContent =
    source.kind === "celeba"
      ? "Contains thumbnails of CelebA photos, for research only: do not publish or share this page."
      : "Contains thumbnails of the dataset's photos: share this page only if you may share the photos.";
  $("provenance").textContent =
    `Made by facesmith ${DATA.facesmith} on ${DATA.created.slice(0, 10)} ` +
    `from the dataset ${DATA.name} with the model ${DATA.model}. ` +
    `The page makes no network requests. Your labels are lost when you close it, unless you save them. ${source.credit ?? ""}`;
}
readColours();
new ResizeObserver(resizeCanvas).observe(canvas);
resizeCanvas();
current.set(state.layout.points);
Object.assign(camera, overview());
listLabels(attributes.has("Smiling") ? "a:Smiling" : attributes.size ? `a:${attributes.keys().next().value}` : "");
updateLayoutChoices();
if (isEmbedded) joinStudio();
