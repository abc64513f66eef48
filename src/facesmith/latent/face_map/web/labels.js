// Labels given on this map: kept by name, saved as CSV and loaded again.
// Headings with a meaning of their own.
const TAKEN = ["row", "file", "filename", "file_name", "image_id", "path", "split", "identity"];
const history = [];
let unsaved = false;

function tell(text, wrong = false) {
  $("told").textContent = text;
  $("told").classList.toggle("wrong", wrong);
}

// Remember the labels as they are, so that one step can be taken back.
function remember() {
  history.push(new Map([...labels].map(([name, values]) => [name, values.slice()])));
  if (history.length > 50) history.shift();
  unsaved = true;
}

function giveLabel(text, faces, value) {
  const name = text.trim();
  if (!name || TAKEN.includes(name.toLowerCase()))
    return tell(`“${name}” cannot be a label: choose another name.`, true);
  remember();
  const values = labels.get(name) ?? new Int8Array(TOTAL).fill(-1);
  labels.set(name, values);
  for (const i of faces) values[i] = value;
  tell(`${number(faces.length)} faces: ${value < 0 ? "not known whether" : value ? "with" : "without"} ${name}.`);
  return listLabels(`l:${name}`);
}

function listLabels(colour) {
  const count = (values, wanted) =>
    number(values.subarray(0, COUNT).reduce((sum, value) => sum + (value === wanted), 0));
  $("labels").replaceChildren(
    ...[...labels].map(([name, values]) => {
      const item = document.createElement("li"),
        text = document.createElement("span"),
        small = document.createElement("small");
      small.textContent = `${count(values, 1)} with, ${count(values, 0)} without`;
      text.append(name, small);
      item.append(
        text,
        button(
          "Show",
          () => takeRegion([...values.keys()].filter((i) => i < COUNT && values[i] === 1)),
          `Show who is ${name}`,
        ),
      );
      item.append(
        button(
          "Remove",
          () => {
            remember();
            labels.delete(name);
            listLabels();
          },
          `Remove the label ${name}`,
        ),
      );
      return item;
    }),
  );
  $("labels-none").hidden = labels.size > 0;
  $("save").disabled = !labels.size;
  $("undo").disabled = !history.length;
  $("label-names").replaceChildren(...[...labels.keys()].map((name) => new Option(name)));
  offerColours(colour);
  if (state.selected >= 0) select(state.selected, false);
}

function button(text, action, title = text) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.title = title;
  made.setAttribute("aria-label", title);
  made.addEventListener("click", action);
  return made;
}

const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

// A row for every face of which any label is known. An empty cell is unknown, unless all others are without it.
function labelsCSV(othersWithout) {
  const lines = [["row", "file", ...labels.keys()].map(quoted).join(",")],
    all = [...labels.values()];
  for (let i = 0; i < COUNT; i++) {
    const values = all.map((one) => (one[i] < 0 && othersWithout ? 0 : one[i]));
    if (values.some((value) => value >= 0))
      lines.push([DATA.rows[i], quoted(DATA.files[i]), ...values.map((value) => (value < 0 ? "" : value))].join(","));
  }
  return lines.join("\n") + "\n";
}

function parseCSV(text) {
  const rows = [[]];
  let cell = "",
    quotes = false;
  for (let at = text.charCodeAt(0) === 0xfeff ? 1 : 0; at < text.length; at++) {
    const sign = text[at];
    if (quotes) {
      if (sign !== '"') cell += sign;
      else if (text[at + 1] === '"') {
        cell += sign;
        at++;
      } else quotes = false;
    } else if (sign === '"') quotes = true;
    else if (sign === "," || sign === "\n") {
      rows.at(-1).push(cell.replace(/\r$/, ""));
      cell = "";
      if (sign === "\n") rows.push([]);
    } else cell += sign;
  }
  if (cell || rows.at(-1).length) rows.at(-1).push(cell);
  return rows.filter((row) => row.length > 1);
}

// Labels of a file are added to those that are here; where both know a face, the file's stands.
function loadLabels(text) {
  const [heading, ...rows] = parseCSV(text),
    file = heading?.indexOf("file") ?? -1;
  if (file < 0) return tell("This file has no column called file: choose a CSV that was saved here.", true);
  const truth = { 1: 1, true: 1, yes: 1, 0: 0, "-1": 0, false: 0, no: 0 },
    at = new Map();
  for (let i = 0; i < COUNT; i++) at.set(DATA.files[i], i);
  const columns = heading
    .map((name, column) => [name.trim(), column])
    .filter(([name]) => name && !TAKEN.includes(name.toLowerCase()));
  remember();
  let here = 0;
  for (const row of rows) {
    const i = at.get(row[file]);
    if (i === undefined) continue;
    here++;
    for (const [name, column] of columns) {
      const value = truth[(row[column] ?? "").trim().toLowerCase()];
      if (value === undefined) continue;
      if (!labels.has(name)) labels.set(name, new Int8Array(TOTAL).fill(-1));
      labels.get(name)[i] = value;
    }
  }
  tell(
    `Labels of ${number(here)} faces were loaded` +
      (here < rows.length ? `; ${number(rows.length - here)} rows name files that are not on this map.` : "."),
  );
  return listLabels();
}

function saveLabels() {
  const link = document.createElement("a"),
    address = URL.createObjectURL(new Blob([labelsCSV($("others").checked)], { type: "text/csv" }));
  link.href = address;
  link.download = "labels.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  unsaved = false;
  tell("Saved as labels.csv. Next: facesmith data import PHOTOS DATASET --labels labels.csv");
}

$("save").addEventListener("click", saveLabels);
$("undo").addEventListener("click", () => {
  labels.clear();
  for (const [name, values] of history.pop()) labels.set(name, values);
  listLabels();
});
$("load").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (file) loadLabels(await file.text());
  event.target.value = "";
});
addEventListener("beforeunload", (event) => {
  if (unsaved && labels.size) event.preventDefault();
});
