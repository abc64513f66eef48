// Data: what models are trained on: pictures, how often each attribute is there, and the page that says more.
import { html, useEffect, useState } from "../vendor/preact-htm.js";
import { useAddress } from "../shell/address.js";
import { ask, at, useLoad } from "../shell/api.js";
import { number, text } from "../shell/fields.js";
import { Icon } from "../shell/icons.js";
import { say, tell } from "../shell/toasts.js";
import { Choice } from "../parts/controls.js";
import { Empty, Waiting } from "../parts/states.js";

const FIELDS = { data: text(), seed: number(0, 0, 999_999), having: text() };

function Rates({ rates, having, onChoose }) {
  return html`<ul class="rates">
    ${[...rates].sort((one, other) => (other.share ?? 0) - (one.share ?? 0)).map(
      (rate) => html`<li key=${rate.name}>
        <button type="button" aria-pressed=${having === rate.name} onClick=${() => onChoose(having === rate.name ? "" : rate.name)}>
          <span>${rate.name.replaceAll("_", " ")}</span>
          <span class="number quiet">${rate.share == null ? "unknown" : `${(100 * rate.share).toFixed(1)}%`}</span>
          <span class="bar"><span style=${{ width: `${100 * (rate.share ?? 0)}%` }}></span></span>
        </button>
      </li>`,
    )}
  </ul>`;
}

function Explored({ data, allowed, onMade }) {
  const [busy, set] = useState(false);
  const make = async () => {
    set(true);
    try {
      onMade(await ask(`/datasets/${data.name}/explore`, { method: "POST" }));
      tell("The page is made");
    } catch (error) {
      say(error);
    }
    set(false);
  };
  if (data.explore)
    return html`<div class="row spread"><h2>What is in it</h2><a class="button" href=${data.explore} target="_blank">Open the page</a></div>
      <iframe class="explored" src=${data.explore} title=${`What is in ${data.name}`} sandbox="" loading="lazy"></iframe>`;
  return html`<h2>What is in it</h2>
    <p>The mean face, light and colour, what goes with what, duplicates, oddities: facesmith writes a page about all of it.</p>
    ${allowed
      ? html`<div class="row"><button class="button" disabled=${busy} onClick=${make}>Make the page</button>
          <span class="small quiet" role="status">${busy && "Every picture is being looked at."}</span></div>`
      : html`<p><code>facesmith data explore ${data.name}</code></p>`}`;
}

export default function Data() {
  const [state, change] = useAddress(FIELDS);
  const { value, loading } = useLoad((signal) => ask("/datasets", { signal }), []);
  const { value: training } = useLoad((signal) => ask("/training", { signal }), []);
  const [made, keep] = useState({}); // what was explored since
  const datasets = value?.map((one) => made[one.name] ?? one);
  const data = datasets?.find((one) => one.name === state.data) ?? datasets?.[0];
  const { value: rates } = useLoad((signal) => data && ask(`/datasets/${data.name}/attributes`, { signal }), [data?.name]);
  const [wide, measure] = useState(innerWidth > 860);
  useEffect(() => {
    const look = () => measure(innerWidth > 860);
    addEventListener("resize", look);
    return () => removeEventListener("resize", look);
  }, []);
  if (datasets && !data)
    return html`<h1>Data</h1><${Empty} icon="data" title="There is no dataset here">
      <p>Make one of your own photos: <code>facesmith data import ~/photos faces --size 64</code></p>
    <//>`;
  if (!data) return html`<h1>Data</h1>${loading && html`<${Waiting} />`}`;
  const having = data.attributes.includes(state.having) ? state.having : "";
  const columns = wide ? 12 : 6;
  const words = having ? `: ${having.replaceAll("_", " ")}` : "";
  return html`<div class="two">
    <div class="side">
      <h1>Data</h1>
      <${Choice} label="Dataset" value=${data.name} options=${datasets.map((one) => one.name)}
        onChange=${(name) => change({ data: name, having: "" }, { push: true })} />
      <dl class="about">
        <div><dt>pictures</dt><dd class="number">${data.count.toLocaleString("en")}</dd></div>
        <div><dt>size</dt><dd class="number">${data.size.join(" x ")}</dd></div>
        <div><dt>attributes</dt><dd class="number">${data.attributes.length}</dd></div>
      </dl>
      ${data.credit && html`<p class="small quiet">${data.credit}</p>`}
      ${rates && rates.length > 0 && html`<h2>How often</h2><${Rates} rates=${rates} having=${having} onChoose=${(name) => change({ having: name })} />`}
    </div>
    <div class="stage">
      <section class="card">
        <div class="row spread"><h2>Some of its pictures${words}</h2>
          <button class="button" onClick=${() => change({ seed: (state.seed + 1) % 1_000_000 })}><${Icon} name="dice" />Others</button></div>
        <img class="picture drawn" src=${at(`/datasets/${data.name}/sheet`, { count: 6 * columns, columns, seed: state.seed, having })}
          alt=${`${6 * columns} pictures of ${data.title} drawn at random${words}`} />
      </section>
      <section class="card"><${Explored} data=${data} allowed=${training?.allowed} onMade=${(one) => keep({ ...made, [one.name]: one })} /></section>
    </div>
  </div>`;
}
