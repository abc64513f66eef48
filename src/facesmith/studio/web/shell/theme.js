// Dark or light: as the system says, until someone says otherwise. initial-theme.js sets it before anything is painted.
import { html, useEffect, useState } from "../vendor/preact-htm.js";
import { Icon } from "./icons.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const ICONS = { auto: "auto", light: "sun", dark: "moon" };

const currentTheme = () => document.documentElement.dataset.theme ?? "auto";

/** The theme: "auto", "light" or "dark". */
export function useTheme() {
  const [theme, setTheme] = useState(currentTheme);
  useEffect(() => {
    const listener = () => setTheme(currentTheme());
    addEventListener("themechange", listener); // canvases and frames do not follow by themselves
    return () => removeEventListener("themechange", listener);
  }, []);
  return theme;
}

/** The address of a page of the API, such as a report, in a theme. */
export const themed = (address, theme) => (theme === "auto" ? address : `${address}&theme=${theme}`);

export function ThemeSwitch() {
  const theme = useTheme();
  const change = () => {
    const next = NEXT[theme];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // storage is disabled: the choice lasts until the page is closed
    }
    dispatchEvent(new Event("themechange"));
  };
  const label = `Theme: ${theme === "auto" ? "system" : theme}`;
  return html`<button class="plain" id="theme" onClick=${change} aria-label=${label} title=${label}>
    <${Icon} name=${ICONS[theme]} />
  </button>`;
}
