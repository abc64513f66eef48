// Colour by an attribute or a user's label: present, absent or unknown.
const colourOf = new Uint8Array(TOTAL); // 0 no colouring, 1 with, 2 without, 3 unknown
const colouring = () => $("colour").value !== "";
const valuesOf = (choice) => (choice.startsWith("l:") ? labels : attributes).get(choice.slice(2));

function readColours() {
  const style = getComputedStyle(document.documentElement),
    of = (name) => style.getPropertyValue(`--${name}`).trim();
  const kinds = ["dot", "with", "without", "unknown"].map(of);
  // Pixels of an ImageData without alpha: red is in the lowest byte, then green, then blue.
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

// Update the choices: the user's labels first, then the dataset's attributes.
function updateColourChoices(selected = $("colour").value) {
  const group = (title, prefix, names) => {
    const element = document.createElement("optgroup");
    element.label = title;
    element.append(...[...names].map((name) => new Option(plain(name), prefix + name)));
    return element;
  };
  const select = $("colour");
  select.replaceChildren(new Option("nothing", ""));
  if (labels.size) select.append(group("Your labels", "l:", labels.keys()));
  if (attributes.size) select.append(group("Attributes", "a:", attributes.keys()));
  select.value = selected && valuesOf(selected) ? selected : "";
  recolour();
}
