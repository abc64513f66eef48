// Colour by an attribute or by a label given here: with it, without it, unknown.
const colourOf = new Uint8Array(TOTAL); // 0 no colouring, 1 with, 2 without, 3 unknown
const colouring = () => $("colour").value !== "";
const valuesOf = (choice) => (choice.startsWith("l:") ? labels : attributes).get(choice.slice(2));

function readColours() {
  const style = getComputedStyle(document.documentElement),
    of = (name) => style.getPropertyValue(`--${name}`).trim();
  const kinds = ["dot", "with", "without", "unknown"].map(of);
  // As a pixel of an ImageData holds them, without their alpha: the bytes are red, green, blue from the lowest.
  const dots = kinds.map((hex) => parseInt(hex.slice(5, 7) + hex.slice(3, 5) + hex.slice(1, 3), 16));
  colours = { kinds, dots, accent: of("accent"), photo: of("photo"), line: of("line"), sky: of("sky") };
}

function recolour() {
  const choice = $("colour").value,
    values = choice ? valuesOf(choice) : null,
    counts = [0, 0, 0, 0];
  for (let i = 0; i < TOTAL; i++) {
    colourOf[i] = values ? ([1, 2, 3][1 - values[i]] ?? 3) : 0;
    if (i < COUNT) counts[colourOf[i]]++;
  }
  const legend = $("legend"),
    name = plain(choice.slice(2));
  legend.hidden = !values;
  legend.replaceChildren(
    ...[
      [1, name],
      [2, `not ${name}`],
      [3, "unknown"],
    ]
      .filter(([kind]) => counts[kind])
      .map(([kind, text]) => {
        const item = document.createElement("li"),
          dot = document.createElement("i");
        dot.style.background = colours.kinds[kind];
        item.append(dot, `${text} (${number(counts[kind])})`);
        return item;
      }),
  );
  redraw();
}

// The choices, with the labels given here first.
function offerColours(wanted = $("colour").value) {
  const group = (title, prefix, names) => {
    const made = document.createElement("optgroup");
    made.label = title;
    made.append(...[...names].map((name) => new Option(plain(name), prefix + name)));
    return made;
  };
  const select = $("colour");
  select.replaceChildren(new Option("nothing", ""));
  if (labels.size) select.append(group("Your labels", "l:", labels.keys()));
  if (attributes.size) select.append(group("Attributes", "a:", attributes.keys()));
  select.value = wanted && valuesOf(wanted) ? wanted : "";
  recolour();
}
