// Labels of the user: stored by name, saved as CSV and loaded again.
// Headings that have another meaning in the CSV file.
const RESERVED = ["row", "file", "filename", "file_name", "image_id", "path", "split", "identity"];
const undoStack = [];
let hasUnsavedLabels = false;

function showMessage(text, isError = false) {
  $("message").textContent = text;
  $("message").classList.toggle("error", isError);
}

// Store a copy of the labels for undo.
function pushHistory() {
  undoStack.push(new Map([...labels].map(([name, values]) => [name, values.slice()])));
  if (undoStack.length > 50) undoStack.shift();
  hasUnsavedLabels = true;
}

function setLabel(text, faces, value) {
  const name = text.trim();
  if (!name || RESERVED.includes(name.toLowerCase()))
    return showMessage(`“${name}” cannot be a label: choose another name.`, true);
  pushHistory();
  const values = labels.get(name) ?? new Int8Array(TOTAL).fill(-1);
  labels.set(name, values);
  for (const i of faces) values[i] = value;
  showMessage(`${number(faces.length)} ${faces.length === 1 ? "face" : "faces"}: ${value < 0 ? "unknown whether" : value ? "with" : "without"} ${name}.`);
  return listLabels(`l:${name}`);
}

function listLabels(colour) {
  const count = (values, label) =>
    number(values.subarray(0, COUNT).reduce((sum, value) => sum + (value === label), 0));
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
          `Show the faces labelled ${name}`,
        ),
      );
      item.append(
        button(
          "Remove",
          () => {
            pushHistory();
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
  $("undo").disabled = !undoStack.length;
  $("label-names").replaceChildren(...[...labels.keys()].map((name) => new Option(name)));
  updateColourChoices(colour);
  if (state.selected >= 0) select(state.selected, false);
  tellLabels();
}

function button(text, action, title = text) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.title = title;
  element.setAttribute("aria-label", title);
  element.addEventListener("click", action);
  return element;
}

const quoteCell = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

// One row for every face with a label. An empty cell means unknown; with othersWithout, every unlabelled face is 0.
function labelsCSV(othersWithout) {
  const lines = [["row", "file", ...labels.keys()].map(quoteCell).join(",")],
    all = [...labels.values()];
  for (let i = 0; i < COUNT; i++) {
    const values = all.map((label) => (label[i] < 0 && othersWithout ? 0 : label[i]));
    if (values.some((value) => value >= 0))
      lines.push([DATA.rows[i], quoteCell(DATA.files[i]), ...values.map((value) => (value < 0 ? "" : value))].join(","));
  }
  return lines.join("\n") + "\n";
}

function parseCSV(text) {
  const rows = [[]];
  let cell = "",
    inQuotes = false;
  for (let position = text.charCodeAt(0) === 0xfeff ? 1 : 0; position < text.length; position++) {
    const character = text[position];
    if (inQuotes) {
      if (character !== '"') cell += character;
      else if (text[position + 1] === '"') {
        cell += character;
        position++;
      } else inQuotes = false;
    } else if (character === '"') inQuotes = true;
    else if (character === "," || character === "\n") {
      rows.at(-1).push(cell.replace(/\r$/, ""));
      cell = "";
      if (character === "\n") rows.push([]);
    } else cell += character;
  }
  if (cell || rows.at(-1).length) rows.at(-1).push(cell);
  return rows.filter((row) => row.length > 1);
}

// Add the labels of a file to the existing ones; the file's values take precedence.
function loadLabels(text) {
  const [heading, ...rows] = parseCSV(text),
    file = heading?.indexOf("file") ?? -1;
  if (file < 0) return showMessage("This file has no column named file: choose a CSV file that this page saved.", true);
  const truth = { 1: 1, true: 1, yes: 1, 0: 0, "-1": 0, false: 0, no: 0 },
    indexByFile = new Map();
  for (let i = 0; i < COUNT; i++) indexByFile.set(DATA.files[i], i);
  const columns = heading
    .map((name, column) => [name.trim(), column])
    .filter(([name]) => name && !RESERVED.includes(name.toLowerCase()));
  pushHistory();
  let loaded = 0;
  for (const row of rows) {
    const i = indexByFile.get(row[file]);
    if (i === undefined) continue;
    loaded++;
    for (const [name, column] of columns) {
      const value = truth[(row[column] ?? "").trim().toLowerCase()];
      if (value === undefined) continue;
      if (!labels.has(name)) labels.set(name, new Int8Array(TOTAL).fill(-1));
      labels.get(name)[i] = value;
    }
  }
  showMessage(
    `Labels of ${number(loaded)} ${loaded === 1 ? "face" : "faces"} were loaded.` +
      (loaded < rows.length ? ` Rows that refer to files not on this map: ${number(rows.length - loaded)}.` : ""),
  );
  return listLabels();
}

function saveLabels() {
  const link = document.createElement("a"),
    address = URL.createObjectURL(new Blob([labelsCSV($("others-without").checked)], { type: "text/csv" }));
  link.href = address;
  link.download = "labels.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  hasUnsavedLabels = false;
  tellLabels();
  showMessage("Saved as labels.csv. Next: facesmith data import PHOTOS DATASET --labels labels.csv");
}

$("save").addEventListener("click", saveLabels);
$("undo").addEventListener("click", () => {
  labels.clear();
  for (const [name, values] of undoStack.pop()) labels.set(name, values);
  listLabels();
});
$("load").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (file) loadLabels(await file.text());
  event.target.value = "";
});
addEventListener("beforeunload", (event) => {
  if (hasUnsavedLabels && labels.size) event.preventDefault();
});
