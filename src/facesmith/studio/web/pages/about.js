// What is here, on whose terms, and where pictures go: nowhere.
import { html } from "../vendor/preact-htm.js";
import { useAddress } from "../shell/address.js";
import { API, ask, at, useLoad, useModels } from "../shell/api.js";
import { text } from "../shell/fields.js";
import { Icon } from "../shell/icons.js";
import { ForgetAll } from "../parts/forget-all.js";
import { Markdown } from "../parts/markdown.js";

const FIELDS = { model: text() };
const KINDS = { generator: "makes faces", makeover: "makes faces over", judge: "judges faces" };

export default function About() {
  const models = useModels();
  const [state, change] = useAddress(FIELDS);
  const chosen = models?.find((model) => model.name === state.model) ?? models?.[0];
  return html`<div class="about">
    <section class="intro">
      <h1>Faces that nobody has</h1>
      <p>facesmith makes datasets of photos, trains networks on them, and shows what they learned: faces that were
        never photographed. This is its studio.</p>
      <div class="promises">
        <div class="card"><h2><${Icon} name="shield" /> What leaves the machine: nothing</h2>
          <p>Pages, pictures and models come from the machine that runs the studio, and from no other. There are no
            cookies but the studio's own, and no other host learns of your visit.</p></div>
        <div class="card"><h2><${Icon} name="photo" /> Your photos</h2>
          <p>They are kept in memory while you are here, are written nowhere, are not learned from, and are forgotten
            after a while, or at once when you say so.</p>
          <div class="row"><${ForgetAll} /></div></div>
        <div class="card"><h2><${Icon} name="faces" /> What is made</h2>
          <p>Every picture says in its file that it is synthetic, and of which model and seed. Show it as what it is;
            do not pass it off as a person, nor a changed photo as a true one.</p></div>
        <div class="card"><h2><${Icon} name="about" /> By program</h2>
          <p>Whatever these pages do is an API over HTTP. <a href=${`${API}/docs`}>Its documentation</a> is here
            too.</p></div>
      </div>
    </section>
    ${
      chosen &&
      html`<section class="models" aria-label="Models">
      <nav aria-label="Models">
        <h2>Models</h2>
        <ul>${models.map(
          (model) => html`<li key=${model.name}><button class="entry" aria-pressed=${model === chosen}
            onClick=${() => change({ model: model.name }, { push: true })}>
          <strong>${model.name}</strong><span
            class="small quiet">${KINDS[model.kind]}, ${model.size.join("x")}</span></button></li>`,
        )}</ul>
      </nav>
      <${Card} key=${chosen.name} model=${chosen} />
    </section>`
    }
    <p class="small quiet">facesmith is free software under the Apache License 2.0. Its pages use preact (MIT) and
      htm (Apache 2.0): <a href=${new URL("../vendor/LICENSES.txt", import.meta.url)} target="_blank">their
        licences</a>.</p>
  </div>`;
}

function Card({ model }) {
  const { value, error } = useLoad(
    (signal) => ask(`/models/${encodeURIComponent(model.name)}/card`, { signal, as: "text" }),
    [model.name],
    { quiet: true },
  );
  const samples = { model: model.name, digest: model.digest.slice(0, 16), count: 24, columns: 12, format: "jpeg" };
  return html`<article class="card">
    <div class="chips">
      <span class="chip">${model.terms}</span>
      ${model.encoder && html`<span class="chip">takes photos</span>`}
      ${model.attributes.length > 0 && html`<span class="chip">${model.attributes.length} attributes</span>`}
      <span class="chip" title="SHA-256 of its weights">${model.digest.slice(0, 12)}</span>
    </div>
    ${model.kind === "generator" && html`<img class="samples"
      src=${at("/generate", samples)}
        alt="24 faces that ${model.name} makes" />`}
    ${value && html`<${Markdown} text=${value} />`}
    ${error && html`<p class="quiet">${error.message}</p><p>${model.about}.</p>`}
  </article>`;
}
