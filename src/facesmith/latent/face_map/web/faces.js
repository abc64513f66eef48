// One face: what hovering over it says, what choosing it shows, and finding it by name.
const isTrue = (i) => [...attributes].filter(([, values]) => values[i] === 1).map(([name]) => plain(name));
const shortly = (i) => (i < COUNT ? DATA.files[i].split("/").pop() : `Your photo: ${DATA.files[i].split("/").pop()}`);

function hover(i, at) {
  const tip = $("tip");
  tip.hidden = i < 0;
  if (i < 0) return void (state.hovered = -1);
  if (i !== state.hovered) {
    portray(tip.querySelector("canvas"), i);
    tip.querySelector("strong").textContent = shortly(i);
    const known = isTrue(i);
    tip.querySelector("span").textContent = known.slice(0, 8).join(", ") + (known.length > 8 ? ", …" : "");
    state.hovered = i;
  }
  tip.style.left = `${Math.min(at[0] + 16, Math.max(4, screen.width - tip.offsetWidth - 4))}px`;
  const below = at[1] + 16;
  const above = Math.max(4, at[1] - tip.offsetHeight - 12);
  tip.style.top = `${below + tip.offsetHeight > screen.height ? above : below}px`;
}

// Choose a face and show its neighbours; -1 chooses none.
function select(i, scroll = true) {
  state.selected = i;
  $("face-none").hidden = i >= 0;
  $("face-shown").hidden = i < 0;
  redraw();
  if (i < 0) return;
  portray($("portrait"), i);
  $("face-file").textContent = i < COUNT ? `${DATA.files[i]}, row ${DATA.rows[i]}` : shortly(i);
  const own = [...labels].filter(([, values]) => values[i] === 1).map(([name]) => name);
  $("face-attributes").replaceChildren(
    ...[...own.map((name) => [name, "own"]), ...isTrue(i).map((name) => [name, ""])].map(([name, kind]) => {
      const item = document.createElement("li");
      item.textContent = name;
      item.className = kind;
      return item;
    }),
  );
  thumbnails($("near"), nearOf(state.near, i));
  if (scroll) $("face").scrollIntoView({ block: "nearest" });
}

function thumbnails(into, faces) {
  into.replaceChildren(
    ...faces.map((i) => {
      const made = button(
          "",
          () => {
            select(i);
            visit(i);
          },
          shortly(i),
        ),
        picture = document.createElement("canvas");
      [picture.width, picture.height] = [thumbs.width * 2, thumbs.height * 2];
      portray(picture, i);
      made.dataset.face = i;
      made.append(picture);
      return made;
    }),
  );
}

// Pictures that were asked for before they were there.
function picturesArrived() {
  if (state.selected >= 0) select(state.selected, false);
  if (state.region.length) takeRegion(state.region);
}

function search(text) {
  const wanted = text.trim().toLowerCase(),
    found = [];
  for (let i = TOTAL - 1; wanted && i >= 0 && found.length < 200; i--)
    if (DATA.files[i].toLowerCase().includes(wanted)) found.push(i);
  found.sort((a, b) => DATA.files[a].length - DATA.files[b].length || a - b);
  return found.slice(0, 6);
}

$("search").addEventListener("input", (event) => {
  const found = search(event.target.value);
  $("found").replaceChildren(
    ...found.map((i) => {
      const item = document.createElement("li"),
        picture = document.createElement("canvas"),
        made = button(
          "",
          () => {
            select(i);
            visit(i);
          },
          DATA.files[i],
        );
      picture.width = picture.height = 64;
      portray(picture, i);
      made.append(picture, shortly(i));
      item.append(made);
      return item;
    }),
  );
  if (event.target.value.trim() && !found.length)
    $("found").append(
      Object.assign(document.createElement("li"), {
        textContent: "No photo of that name is on the map.",
        className: "soft",
      }),
    );
});
$("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") $("found").querySelector("button")?.click();
});
