// The request of a page as code: in Python, and for curl.
import { html, useState } from "../vendor/preact-htm.js";
import { API, apiUrl } from "../shell/api.js";
import { Icon } from "../shell/icons.js";
import { SegmentedControl } from "./controls.js";
import { copyText } from "./feedback.js";

const python = (value) =>
  JSON.stringify(value, null, 1).replace(/\n\s*/g, " ").replace(/([{[]) /g, "$1").replace(/ ([}\]])/g, "$1").replace(/\btrue\b/g, "True").replace(/\bfalse\b/g, "False").replace(/\bnull\b/g, "None");
const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** `query` of a GET request, or the `json` body of a POST request. With `photo`, FACE in it is a face of an upload, and
 * OTHERS are its other faces. */
export function Snippets({ path, query, json, photo = false, file = "face.png" }) {
  const [language, setLanguage] = useState("Python");
  const base = `${location.origin}${API}`;
  const address = location.origin + apiUrl(path, query);
  const upload = {
    Python:
      `photo = studio.post("/photos", content=open("me.jpg", "rb").read(), headers={"Content-Type": "image/jpeg"}).json()\n` +
      (json?.others ? `FACE, *OTHERS = [item["face"] for item in photo["faces"]]\n` : `FACE = photo["faces"][0]["face"]\n`),
    curl:
      `PHOTO=$(curl -c jar -H 'Content-Type: image/jpeg' --data-binary @me.jpg ${base}/photos)\nFACE=$(jq -r '.faces[0].face' <<< "$PHOTO")\n` +
      (json?.others ? `OTHERS=$(jq -c '[.faces[1:][].face]' <<< "$PHOTO")\n` : ""),
  };
  const arguments_ = json ? `json=${python(json).replace(/"(FACE|OTHERS)"/g, "$1")}` : `params=${python(params(query))}`;
  const code = {
    Python:
      `import httpx\n\nstudio = httpx.Client(base_url="${base}", timeout=120)\n${photo ? upload.Python : ""}` +
      `response = studio.${json ? "post" : "get"}("${path}", ${arguments_})\nopen("${file}", "wb").write(response.raise_for_status().content)`,
    curl: json
      ? `${photo ? upload.curl : ""}curl -o ${file} ${photo ? "-b jar " : ""}-H 'Content-Type: application/json' ${base}${path} \\\n  -d ` +
        quote(JSON.stringify(json)).replaceAll('"FACE"', `"'"$FACE"'"`).replaceAll('"OTHERS"', `'"$OTHERS"'`)
      : `curl -o ${file} ${quote(address)}`,
  }[language];
  return html`<details class="snippets">
    <summary class="small">Code for this image</summary>
    <${SegmentedControl} label="Language" hidden value=${language} onChange=${setLanguage} options=${["Python", "curl"]} />
    <div class="code"><pre tabindex="0"><code>${code}</code></pre>
      <button class="button" onClick=${() => copyText(code, "the code")}><${Icon} name="copy" /> Copy code</button>
      <p class="small muted">If the studio requires a token, add the header <code>Authorization: Bearer TOKEN</code>.</p></div>
  </details>`;
}

const params = (query) =>
  Object.fromEntries(Object.entries(query).filter(([, value]) => value != null && value !== "" && value.length !== 0));
