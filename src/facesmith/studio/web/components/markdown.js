// Text of model cards as elements: the part of Markdown that they use. Nothing in it is taken as HTML, and no address
// but http(s) becomes a link, since a card may come from anyone.
import { html } from "../vendor/preact-htm.js";

const INLINE =
  /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*|!\[([^\]]*)\]\([^)]*\)|\[([^\]]+)\]\(([^)\s]+)\)|(https?:\/\/[^\s)>\]]+)/;

function inline(text) {
  const parts = [];
  for (let rest = text; rest;) {
    const match = INLINE.exec(rest);
    if (!match) return [...parts, rest];
    parts.push(rest.slice(0, match.index));
    const [all, code, strong, soft, , label, address, bare] = match;
    if (code) parts.push(html`<code>${code}</code>`);
    else if (strong) parts.push(html`<strong>${inline(strong)}</strong>`);
    else if (soft) parts.push(html`<em>${inline(soft)}</em>`);
    else if (bare) parts.push(link(bare, bare));
    else if (label) parts.push(/^https?:\/\//.test(address) ? link(label, address) : label);
    rest = rest.slice(match.index + all.length);
  }
  return parts;
}

const link = (label, address) => html`<a href=${address} rel="noreferrer noopener" target="_blank">${label}</a>`;
const cells = (line) =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => inline(cell.trim().replaceAll("\\|", "|")));

function table(lines) {
  const [head, , ...rows] = lines;
  return html`<div class="scroll" tabindex="0" role="group" aria-label="A table"><table class="plain-table">
    <thead><tr>${cells(head).map((cell) => html`<th>${cell}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${cells(row).map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

const SETTINGS = /^`\w+=[^`]*`(?:, `\w+=[^`]*`){7,}\.?$/; // of a recipe, as model cards list them

function block(text) {
  if (SETTINGS.test(text))
    return html`<details><summary>${text.split("`, `").length} settings</summary><p>${inline(text)}</p></details>`;
  const lines = text.split("\n");
  const [, marks, title] = /^(#{1,6})\s+(.*)$/.exec(lines[0]) ?? [];
  if (marks) {
    const rest = lines.slice(1).join("\n").trim();
    // The page has its own h1, so headings of the card start at h2.
    return html`<${marks.length === 1 ? "h2" : "h3"}>${inline(title)}<//>${rest && block(rest)}`;
  }
  if (lines[0].startsWith("|") && /^\|[\s:|-]+$/.test(lines[1] ?? "")) return table(lines);
  if (/^\s*[-*] /.test(lines[0]))
    return html`<ul>${text
      .split(/^\s*[-*] /m)
      .slice(1)
      .map((item) => html`<li>${inline(item.trim())}</li>`)}</ul>`;
  if (/^\s*\d+\. /.test(lines[0]))
    return html`<ol>${text
      .split(/^\s*\d+\. /m)
      .slice(1)
      .map((item) => html`<li>${inline(item.trim())}</li>`)}</ol>`;
  if (/^!\[[^\]]*\]\([^)]*\)$/.test(text)) return null; // images in the model folder have no address
  return html`<p>${inline(text)}</p>`;
}

/** Move the section with this title before all others. */
function sectionFirst(text, title) {
  const [head, ...sections] = text.split(/^(?=## )/m);
  const isFirst = (section) => section.startsWith(`## ${title}\n`);
  return [head, ...sections.filter(isFirst), ...sections.filter((section) => !isFirst(section))].join("");
}

/** `first` is the title of the section to begin with. */
export function Markdown({ text, first }) {
  const body = sectionFirst(text.replace(/^---\n[\s\S]*?\n---\n/, ""), first); // without what a hub reads
  const pieces = body.split(/^```.*$/m); // between fences, every other one is code
  return html`<div class="markdown">${pieces.map((piece, place) =>
    place % 2
      ? html`<pre tabindex="0"><code>${piece.replace(/^\n/, "")}</code></pre>`
      : piece
          .split(/\n\s*\n/)
          .map((item) => item.trim())
          .filter(Boolean)
          .map(block),
  )}</div>`;
}
