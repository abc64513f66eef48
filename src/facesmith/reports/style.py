"""The look of the pages facesmith writes: light and dark, wide and narrow, on paper. No font or picture is fetched."""

STYLE = """\
:root {
  color-scheme: light dark;
  --page: #f4f5f7; --card: #ffffff; --ink: #1c2026; --soft: #59616d; --line: #dfe3e8;
  --accent: #0b62a8; --code: #f1f3f6; --note: #eaf2fa; --warn: #fff3dc; --warn-line: #c77700;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121418; --card: #1b1e24; --ink: #e6e9ee; --soft: #a3abb8; --line: #31363f;
    --accent: #7cb8ee; --code: #14171c; --note: #1a2733; --warn: #2f2614; --warn-line: #e0a030;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
  overflow-wrap: break-word;
}
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
header { margin: 0 0 1.75rem; }
h1 { font-size: clamp(1.6rem, 5vw, 2.3rem); line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.015em; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 0 0 .75rem; }
h3 { font-size: 1.02rem; line-height: 1.35; margin: 1.75rem 0 .5rem; }
.lead { font-size: 1.12rem; color: var(--soft); margin: 0; max-width: 48rem; }
p, ul { margin: 0 0 1rem; max-width: 48rem; }
ul { padding-left: 1.25rem; }
li { margin: .3rem 0; }
section {
  background: var(--card); border: 1px solid var(--line); border-radius: 14px;
  padding: 1.5rem 1.6rem; margin: 0 0 1.4rem;
}
section > :last-child, .part > :last-child, details > :last-child { margin-bottom: 0; }
.note { background: var(--note); border-left: 4px solid var(--accent); border-radius: 8px; padding: .7rem 1rem; }
.warning { background: var(--warn); border-left-color: var(--warn-line); }
figure { margin: 0 0 1.25rem; }
img, video { display: block; max-width: 100%; height: auto; border-radius: 8px; }
figcaption { color: var(--soft); font-size: .9rem; line-height: 1.45; margin-top: .5rem; max-width: 48rem; }
.columns {
  display: grid; gap: 1.25rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 17.5rem), 1fr));
}
.columns { margin-bottom: 1.25rem; }
.columns > * { min-width: 0; margin-bottom: 0; }
dl { margin: 0 0 1rem; }
dl > div {
  display: grid; grid-template-columns: minmax(8rem, 13rem) 1fr; gap: .25rem 1rem;
  padding: .4rem 0; border-bottom: 1px solid var(--line);
}
dl > div:last-child { border-bottom: 0; }
dt { color: var(--soft); }
dd { margin: 0; min-width: 0; font-variant-numeric: tabular-nums; }
dl.figures { display: grid; gap: .9rem; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); }
dl.figures > div {
  display: flex; flex-direction: column-reverse; justify-content: flex-end; gap: 0;
  border: 1px solid var(--line); border-radius: 10px; padding: .75rem .9rem;
}
dl.figures dd { font-size: 1.35rem; font-weight: 650; line-height: 1.25; letter-spacing: -.01em; }
dl.figures dt { font-size: .88rem; line-height: 1.35; margin-top: .15rem; }
.scroll { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; font-size: .93rem; min-width: min(100%, 24rem); }
caption { text-align: left; color: var(--soft); font-size: .9rem; padding: 0 0 .5rem; }
th, td { text-align: left; padding: .36rem 1.1rem .36rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { font-weight: 600; color: var(--soft); }
tbody th { font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
pre {
  background: var(--code); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem;
  overflow-x: auto; font: .88rem/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; margin: 0 0 1rem;
}
details { margin: 0 0 1rem; }
summary { cursor: pointer; color: var(--accent); font-weight: 550; padding: .25rem 0; }
details[open] > summary { margin-bottom: .75rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
@media (max-width: 36rem) {
  main { padding: 1.5rem .75rem 3rem; }
  section { padding: 1.1rem 1rem; border-radius: 10px; }
  dl:not(.figures) > div { grid-template-columns: 1fr; gap: 0; }
}
@media print {
  :root {
    --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb;
    --accent: #000; --code: #fff; --note: #fff; --warn: #fff;
  }
  body { font-size: 11pt; }
  main { max-width: none; padding: 0; }
  section { border: 0; padding: 0; }
  figure, tr, .note { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  video { display: none; }
}
"""
