// A table of edits: each row applies one edit to all faces. The default rows are those of Figure 5 of deep-makeover.
import { html, useState } from "../../vendor/preact-htm.js";
import { request, useLoad } from "../../shell/api.js";
import { formatEdit, editField } from "../../shell/query-fields.js";
import { Icon } from "../../shell/icons.js";
import { editLabel, knownChanges } from "../../components/attribute-sliders.js";
import { decodeBitmap, download } from "../../components/images.js";
import { BitmapCanvas } from "../../components/face-grid.js";

const DEFAULT_EDITS = ["", "Black_Hair:1,Blond_Hair:-1", "Bald:2", "Smiling:-1", "Wearing_Lipstick:2,Young:2"];
const MAX_ROWS = 12;
const { read } = editField();

export function EditTable({ model, face, rows, changes, onRows }) {
  const validChanges = (row) => knownChanges(model, read(row.split(",")));
  // Attributes that the model does not have are removed; rows without attributes are left out.
  const candidates = (rows.length ? rows : DEFAULT_EDITS).slice(0, MAX_ROWS);
  const visibleRows = candidates.filter((row) => row === "" || Object.keys(validChanges(row)).length);
  const edits = visibleRows.map(validChanges);
  const [references, setReferences] = useState([]); // random faces to compare with
  const faces = [face, ...references];
  const json = { model: model.name, faces, edits, scale: 1 };
  const { value: bitmap, loading } = useLoad(
    (signal) => decodeBitmap(request("/edit", { json: { ...json, format: "jpeg" }, signal, as: "blob" })),
    [JSON.stringify(json)],
  );
  const [width, height] = model.size;
  const add = () => onRows([...visibleRows, formatEdit(changes).join()]);
  const savePng = () => download("/edit", { ...json, format: "png", scale: 2 }, "edits.png");
  const fits = bitmap && bitmap.height === edits.length * height && bitmap.width === faces.length * width;
  return html`<section class="card edit-table" aria-label="Table of edits">
    <div class="row spread"><h2>Table of edits</h2>
      <div class="row">
        <button class="button" disabled=${!Object.keys(changes).length || visibleRows.length >= MAX_ROWS} onClick=${add}>
          <${Icon} name="plus" /> Add current settings as a row</button>
        <button class="button" aria-pressed=${references.length > 0}
          onClick=${() => setReferences(references.length ? [] : ["seed:2", "seed:2:1", "seed:2:2"])}>Compare with random faces</button>
        <button class="plain" aria-label="Save the table as PNG" title="Save the table as PNG"
          onClick=${savePng}><${Icon} name="download" /></button>
        <button class="plain" aria-label="Reset the table" title="Reset the table" disabled=${!rows.length}
          onClick=${() => onRows([])}><${Icon} name="reset" /></button>
      </div>
    </div>
    <ul aria-busy=${loading} style=${{ "--faces": faces.length }}>
      ${edits.map(
        (edit, row) => html`<li key=${visibleRows[row]}>
        <span class="faces" style=${{ "--shape": `${faces.length * width} / ${height}`, "--faces": faces.length }}>
          ${fits && html`<${BitmapCanvas} bitmap=${bitmap} part=${[0, row * height, faces.length * width, height]}
            label=${editLabel(edit)} />`}
        </span>
        <span class="small">${editLabel(edit)}</span>
        <button class="plain" aria-label="Remove: ${editLabel(edit)}" disabled=${visibleRows.length === 1}
          onClick=${() => onRows(visibleRows.filter((_, index) => index !== row))}><${Icon} name="close" /></button>
      </li>`,
      )}
    </ul>
  </section>`;
}
