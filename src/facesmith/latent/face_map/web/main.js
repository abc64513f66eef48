// Put together: the choices of the panel, the size of the window, and the first look.
function choices(into, names, texts, chosen, action) {
  into.replaceChildren(
    ...(names.length > 1 ? names : []).map((name) => {
      const made = button(texts[name] ?? name, () => action(name));
      made.removeAttribute("title");
      made.setAttribute("role", "radio");
      made.setAttribute("aria-checked", String(name === chosen));
      return made;
    }),
  );
}

const among = (key, list = layouts) => [...new Set(list.map((layout) => layout[key]))];

function offerLayouts() {
  const { layout } = state,
    go = (change) => {
      const wanted = { ...layout, ...change };
      show(layouts.find((one) => ["space", "method", "shape"].every((key) => one[key] === wanted[key])));
    };
  choices($("spaces"), among("space"), SPACES, layout.space, (space) => go({ space }));
  choices($("methods"), among("method"), {}, layout.method, (method) => go({ method }));
  choices($("shapes"), among("shape"), SHAPES, layout.shape, (shape) => go({ shape }));
  choices($("near-spaces"), among("space"), SPACES, state.near, (space) => {
    state.near = space;
    offerLayouts();
    select(state.selected, false);
  });
}

function show(layout) {
  const focused = document.activeElement?.closest?.(".choice")?.id,
    at = document.activeElement?.textContent;
  state.layout = layout;
  fit();
  $("spin").hidden = !inSpace();
  spin(false);
  offerLayouts();
  if (focused) [...$(focused).children].find((one) => one.textContent === at)?.focus();
  glide(inSpace() ? { ...home(), yaw: camera.yaw || 0.5, pitch: camera.pitch || 0.25 } : home());
}

// The scale at which all of the layout is seen, with room for faces at its edge.
function fit() {
  const reach = [1e-6, 1e-6],
    { points, shape } = state.layout,
    margin = 32;
  for (let i = 0; i < points.length; i++) if (i % 3 < 2) reach[i % 3] = Math.max(reach[i % 3], Math.abs(points[i]));
  const [right, up] = shape === "2d" ? reach : [1.05, 1.05];
  screen.whole = Math.max(20, Math.min((screen.width / 2 - margin) / right, (screen.height / 2 - margin) / up));
}

function resized() {
  const box = canvas.getBoundingClientRect(),
    ratio = Math.min(2, devicePixelRatio || 1),
    before = screen.whole;
  [screen.width, screen.height] = [Math.max(1, box.width), Math.max(1, box.height)];
  fit();
  [canvas.width, canvas.height] = [Math.round(screen.width * ratio), Math.round(screen.height * ratio)];
  camera.scale *= screen.whole / before;
  redraw();
}

for (const tool of ["move", "lasso"]) $(tool).addEventListener("click", () => useTool(tool));
$("spin").addEventListener("click", () => spin(!state.spinning));
$("closer").addEventListener("click", () => {
  settle();
  zoom(1.6);
});
$("farther").addEventListener("click", () => {
  settle();
  zoom(1 / 1.6);
});
$("whole").addEventListener("click", () => glide(home()));
$("colour").addEventListener("change", recolour);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  readColours();
  recolour();
});

{
  const guests = TOTAL - COUNT,
    { source } = DATA;
  $("lead").textContent =
    `${number(COUNT)}${DATA.of > COUNT ? ` of ${number(DATA.of)}` : ""} faces, ` +
    `as the encoder of ${DATA.model} sees them: who is alike lies together.` +
    (guests ? ` ${guests === 1 ? "Your photo is" : `Your ${guests} photos are`} marked.` : "");
  $("privacy").textContent =
    source.kind === "celeba"
      ? "Holds small pictures of CelebA's photos: for research only, not to be published or passed on."
      : "Holds small pictures of the dataset's photos: show it only where you may show them.";
  $("made").textContent =
    `Made by facesmith ${DATA.facesmith} on ${DATA.created.slice(0, 10)} ` +
    `from the dataset ${DATA.name} with the model ${DATA.model}. ` +
    `The page asks nothing of any host, and your labels stay in it until you save them. ${source.credit ?? ""}`;
}
readColours();
new ResizeObserver(resized).observe(canvas);
resized();
current.set(state.layout.points);
Object.assign(camera, home());
listLabels(attributes.has("Smiling") ? "a:Smiling" : attributes.size ? `a:${attributes.keys().next().value}` : "");
offerLayouts();
