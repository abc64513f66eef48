// A set of labelled faces: choose attributes and shares, see a preview, and download it or copy the command for more.
import { html, useState } from "../../vendor/preact-htm.js";
import { apiUrl } from "../../shell/api.js";
import { Icon } from "../../shell/icons.js";
import { attributeLabel } from "../../components/attribute-sliders.js";
import { NumberInput, Select } from "../../components/controls.js";
import { Dialog } from "../../components/dialog.js";
import { copyText } from "../../components/feedback.js";

const MAX_ZIP = 10_000; // faces
const PREVIEW = { count: 24, columns: 8, caption: true, format: "jpeg" };
const WAYS = [["with", "all with"], ["without", "all without"], ["half", "half of them"], ["share", "a percentage"]];

/** "Smiling", "~Smiling", "Smiling=balance" and "Smiling=0.3" as [attribute, way, share]. */
function parse(text) {
  const [name, value] = text.split("=");
  if (value === "balance") return [name, "half", 0.5];
  if (value !== undefined) return [name, "share", Math.min(1, Math.max(0, Number(value) || 0))];
  return name.startsWith("~") ? [name.slice(1), "without", 0] : [name, "with", 1];
}

const write = ([name, way, share]) => ({ with: name, without: `~${name}`, half: `${name}=balance`, share: `${name}=${share}` })[way];

export function LabelledSet({ model, seed, truncation, ask, onAsk, onClose }) {
  const [count, setCount] = useState(1000);
  const known = [...new Set([...model.conditions, ...model.attributes])].sort();
  const rows = ask.map(parse).filter(([name]) => known.includes(name)).slice(0, 12);
  const put = (place, row) => onAsk(rows.map((item, index) => write(index === place ? row : item)));
  const free = known.filter((name) => !rows.some(([other]) => other === name));
  const query = {
    model: model.name,
    seed,
    truncation,
    with: rows.filter(([, way]) => way === "with" || way === "without").map(write),
    balance: rows.filter(([, way]) => way === "half").map(([name]) => name),
    share: rows.filter(([, way]) => way === "share").map(write),
  };
  const options = [
    ...query.with.map((text) => `--with '${text}'`),
    ...(query.balance.length ? [`--balance ${query.balance.join()}`] : []),
    ...query.share.map((text) => `--share ${text}`),
    ...(truncation === 1 ? [] : [`--truncation ${truncation}`]),
  ];
  const command = [`facesmith generate ${model.name} --count 1000000 --seed ${seed}`, ...options, "--layout webdataset --out faces"].join(" ");
  return html`<${Dialog} title="Labelled set" onClose=${onClose}>
    <div class="labelled-set">
      <p class="small muted">For each face, the set lists the attributes, their probabilities and how each attribute was obtained, in the same columns as the output of <code>facesmith generate</code>.
        ${model.conditions.length ? " Attributes that the model takes as input are set directly. Rare ones, such as baldness, are often not visible: check their probabilities. For other attributes, matching faces are selected from many candidates." : " Matching faces are selected with the model's directions."}</p>
      ${rows.map(
        ([name, way, share], place) => html`<div class="row ask" key=${name} role="group" aria-label=${attributeLabel(name)}>
          <${Select} label="Attribute" value=${name} options=${[name, ...free].sort().map((item) => [item, attributeLabel(item)])}
            onChange=${(other) => put(place, [other, way, share])} />
          <${Select} label="Faces" value=${way} options=${WAYS} onChange=${(next) => put(place, [name, next, next === "share" ? 0.3 : share])} />
          ${way === "share" && html`<${NumberInput} label="Percent" value=${Math.round(100 * share)} high=${100} onChange=${(value) => put(place, [name, way, value / 100])} />`}
          <button class="plain" aria-label="Remove ${attributeLabel(name)}" onClick=${() => onAsk(rows.filter((_, index) => index !== place).map(write))}><${Icon} name="close" /></button>
        </div>`,
      )}
      <div class="row">
        <button class="button" disabled=${!free.length || rows.length >= 12}
          onClick=${() => onAsk([...rows, [free.includes("Smiling") ? "Smiling" : free[0], "half", 0.5]].map(write))}><${Icon} name="plus" /> Add an attribute</button>
      </div>
      <img class="picture" src=${apiUrl("/generate", { ...query, ...PREVIEW })} alt="The first 24 faces of the set" />
      <${NumberInput} label="Number of faces, at most ${MAX_ZIP.toLocaleString("en")} in a zip" value=${count} low=${1} high=${MAX_ZIP} onChange=${setCount}>
        <a class="button primary" download href=${apiUrl("/generate", { ...query, count, format: "zip" })}><${Icon} name="download" /> Zip</a>
      <//>
      <h3>More faces, from the command line</h3>
      <div class="code"><pre tabindex="0"><code>${command}</code></pre>
        <button class="button" onClick=${() => copyText(command, "the command")}><${Icon} name="copy" /> Copy command</button></div>
    </div>
  <//>`;
}
