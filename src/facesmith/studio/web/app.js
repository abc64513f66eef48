// The studio's pages and the layout around them. A page is a module of pages/ whose default export is a component. It is
// loaded on the first visit, with style/NAME.css.
import { html, render, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { lastUrl, pageUrl, usePath } from "./shell/address.js";
import { ConnectionNotice, reportFailure, useConnection } from "./shell/connection.js";
import { Icon } from "./shell/icons.js";
import { ThemeSwitch } from "./shell/theme.js";
import { Toasts } from "./shell/toasts.js";
import { Loading } from "./components/feedback.js";

const PAGES = [
  { path: pageUrl("/"), name: "generate", title: "Generate", icon: "faces" },
  { path: pageUrl("/photo"), name: "photo", title: "Photo", icon: "photo" },
  { path: pageUrl("/makeover"), name: "makeover", title: "Makeover", icon: "makeover" },
  { path: pageUrl("/arithmetic"), name: "arithmetic", title: "Arithmetic", icon: "arithmetic" },
  { path: pageUrl("/watch"), name: "watch", title: "Watch", icon: "watch" },
  { path: pageUrl("/map"), name: "map", title: "Map", icon: "map" },
  { path: pageUrl("/data"), name: "data", title: "Data", icon: "data" },
  { path: pageUrl("/compare"), name: "compare", title: "Compare", icon: "compare" },
  { path: pageUrl("/about"), name: "about", title: "About", icon: "about" },
];
const BRAND = new URL("icon.svg", import.meta.url).href; // a new URL at every change would load the image again
const BOTTOM_BAR_PAGES = 4; // in the bottom bar; the others are under More

const loaded = {}; // path: the component

async function load(page) {
  const style = new Promise((done, failed) => {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", onload: done, onerror: failed });
    link.href = new URL(`style/${page.name}.css`, import.meta.url);
    document.head.append(link);
  });
  const [module] = await Promise.all([import(`./pages/${page.name}.js`), style]);
  return (loaded[page.path] = module.default);
}

function Page({ page }) {
  const [state, setState] = useState({});
  const main = useRef();
  const first = useRef(true);
  const PageComponent = loaded[page.path];
  const [, losses] = useConnection();
  useEffect(() => {
    document.title = `${page.title} · facesmith studio`;
    if (!PageComponent)
      load(page).then(
        () => setState({}),
        (error) => (console.error(error), reportFailure("lost"), setState({ failed: true })),
      );
  }, [page, losses]);
  useEffect(() => {
    // Move the focus of screen readers to a new page; the first page is read from the top anyway.
    if (!first.current) (scrollTo(0, 0), main.current.focus({ preventScroll: true }));
    first.current = false;
  }, [page]);
  return html`<main id="main" ref=${main} tabindex="-1" class="page-${page.name}" aria-busy=${!PageComponent && !state.failed}>
    ${PageComponent
      ? html`<${PageComponent} key=${`${page.path} ${losses}`} />`
      : html`<h1 class="visually-hidden">${page.title}</h1>${state.failed ? html`<p class="empty">This page could not be loaded.</p>` : html`<${Loading} />`}`}
  </main>`;
}

const Links = ({ pages, current, onGo }) =>
  pages.map(
    (page) => html`<a href=${lastUrl(page.path)} onClick=${onGo}
      aria-current=${page.path === current ? "page" : undefined}>
      <${Icon} name=${page.icon} /><span>${page.title}</span>
    </a>`,
  );

function Bottom({ current }) {
  const [open, setOpen] = useState(false);
  const close = () => setOpen(false);
  useEffect(() => {
    const escape = (event) => event.key === "Escape" && close();
    if (open) addEventListener("keydown", escape);
    return () => removeEventListener("keydown", escape);
  }, [open]);
  const [first, rest] = [PAGES.slice(0, BOTTOM_BAR_PAGES), PAGES.slice(BOTTOM_BAR_PAGES)];
  return html`<nav class="bottom" aria-label="Pages">
    ${open && html`<div class="rest"><${Links} pages=${rest} current=${current} onGo=${close} /></div>`}
    <${Links} pages=${first} current=${current} onGo=${close} />
    <button class="plain" aria-expanded=${open} onClick=${() => setOpen(!open)}
      data-here=${rest.some((p) => p.path === current)}>
      <${Icon} name="more" /><span>More</span>
    </button>
  </nav>`;
}

function Studio() {
  const path = usePath();
  const page = PAGES.find((item) => item.path === path) ?? PAGES[0];
  return html`<a class="skip" href="#main">Skip to content</a>
    <header>
      <a class="brand" href=${pageUrl("/")} aria-label="facesmith studio"><img src=${BRAND} alt="" />
        <span>facesmith</span></a>
      <nav class="top" aria-label="Pages"><${Links} pages=${PAGES} current=${page.path} /></nav>
      <${ThemeSwitch} />
    </header>
    <${ConnectionNotice} />
    <${Page} page=${page} />
    <${Bottom} current=${page.path} />
    <${Toasts} />`;
}

render(html`<${Studio} />`, document.getElementById("studio"));
