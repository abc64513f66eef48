// Details of a face: the tooltip, the panel of the selected face, and the search by file name.
const attributesOf = (i) => [...attributes].filter(([, values]) => values[i] === 1).map(([name]) => plain(name));
const shortName = (i) =>
  i === PLACED
    ? state.placed.name
    : i < COUNT
      ? DATA.files[i].split("/").pop()
      : `Your photo: ${DATA.files[i].split("/").pop()}`;

function hover(i, at) {
  const tip = $("tip");
  tip.hidden = i < 0;
  if (i < 0) return void (state.hovered = -1);
  if (i !== state.hovered) {
    drawPortrait(tip.querySelector("canvas"), i);
    tip.querySelector("strong").textContent = shortName(i);
    const names = attributesOf(i);
    tip.querySelector("span").textContent = names.slice(0, 8).join(", ") + (names.length > 8 ? ", …" : "");
    state.hovered = i;
  }
  tip.style.left = `${Math.min(at[0] + 16, Math.max(4, screen.width - tip.offsetWidth - 4))}px`;
  const below = at[1] + 16;
  const above = Math.max(4, at[1] - tip.offsetHeight - 12);
  tip.style.top = `${below + tip.offsetHeight > screen.height ? above : below}px`;
}

// Select a face and show its neighbours; -1 clears the selection.
function select(i, scroll = true) {
  state.selected = i;
  $("face-none").hidden = i >= 0;
  $("face-details").hidden = i < 0;
  redraw();
  if (i < 0) return;
  drawPortrait($("portrait"), i);
  $("face-file").textContent = i < COUNT ? `${DATA.files[i]}, row ${DATA.rows[i]}` : shortName(i);
  const labelNames = [...labels].filter(([, values]) => values[i] === 1).map(([name]) => name);
  $("face-attributes").replaceChildren(
    ...[...labelNames.map((name) => [name, "own"]), ...attributesOf(i).map((name) => [name, ""])].map(([name, kind]) => {
      const item = document.createElement("li");
      item.textContent = name;
      item.className = kind;
      return item;
    }),
  );
  thumbnails($("near"), neighboursOf(state.neighbourSpace, i));
  if (scroll) $("face").scrollIntoView({ block: "nearest" });
}

function thumbnails(into, faces) {
  into.replaceChildren(
    ...faces.map((i) => {
      const element = button(
          "",
          () => {
            select(i);
            centreOn(i);
          },
          shortName(i),
        ),
        picture = document.createElement("canvas");
      [picture.width, picture.height] = [thumbs.width * 2, thumbs.height * 2];
      drawPortrait(picture, i);
      element.dataset.face = i;
      element.append(picture);
      return element;
    }),
  );
}

// Draw the thumbnails again when an atlas has been decoded.
function redrawThumbnails() {
  if (state.selected >= 0) select(state.selected, false);
  if (state.region.length) takeRegion(state.region);
}

function search(text) {
  const query = text.trim().toLowerCase(),
    matches = [];
  for (let i = TOTAL - 1; query && i >= 0 && matches.length < 200; i--)
    if (DATA.files[i].toLowerCase().includes(query)) matches.push(i);
  matches.sort((a, b) => DATA.files[a].length - DATA.files[b].length || a - b);
  return matches.slice(0, 6);
}

$("search").addEventListener("input", (event) => {
  const matches = search(event.target.value);
  $("matches").replaceChildren(
    ...matches.map((i) => {
      const item = document.createElement("li"),
        picture = document.createElement("canvas"),
        element = button(
          "",
          () => {
            select(i);
            centreOn(i);
          },
          DATA.files[i],
        );
      picture.width = picture.height = 64;
      drawPortrait(picture, i);
      element.append(picture, shortName(i));
      item.append(element);
      return item;
    }),
  );
  if (event.target.value.trim() && !matches.length)
    $("matches").append(
      Object.assign(document.createElement("li"), {
        textContent: "No photo on the map has this name.",
        className: "soft",
      }),
    );
});
$("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") $("matches").querySelector("button")?.click();
});
