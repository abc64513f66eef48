// The visible mark below generated and edited faces.
import { html } from "../vendor/preact-htm.js";

export const AiLine = ({ edited = false }) =>
  html`<p class="ai-line small">${edited ? "Edited with AI." : "AI-generated. These people do not exist."}</p>`;
