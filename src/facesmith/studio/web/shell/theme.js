// Dark or light: as the system says, until someone says otherwise. initial-theme.js sets it before anything is painted.
import { html, useState } from "../vendor/preact-htm.js";
import { Icon } from "./icons.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const ICONS = { auto: "auto", light: "sun", dark: "moon" };

export function ThemeSwitch() {
  const [theme, set] = useState(document.documentElement.dataset.theme ?? "auto");
  const change = () => {
    const next = NEXT[theme];
    set(next);
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // storage is disabled: the choice lasts until the page is closed
    }
    dispatchEvent(new Event("themechange")); // for canvases, which do not follow by themselves
  };
  const label = `Theme: ${theme === "auto" ? "system" : theme}`;
  return html`<button class="plain" id="theme" onClick=${change} aria-label=${label} title=${label}>
    <${Icon} name=${ICONS[theme]} />
  </button>`;
}
