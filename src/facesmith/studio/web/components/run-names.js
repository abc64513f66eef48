// Names of runs, models and datasets as the server accepts them.

/** The attributes of an input for a name. */
export const validName = {
  pattern: "[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}._]|-(?!-))*(?<![.\\-])",
  title: "Use letters, digits, dots, underscores and single dashes. Start with a letter or digit.",
  autocomplete: "off",
  spellcheck: false,
};

/** A valid name that starts like `base` and is not among `names`: "first-2". */
export function freeName(base, names) {
  const clean = base.replace(/-\d+$/, "").replace(/[^\p{L}\p{M}\p{N}._-]+/gu, "-").replace(/-+/g, "-");
  const start = clean.replace(/^[^\p{L}\p{N}]+/u, "").slice(0, 40).replace(/[.-]+$/, "") || "run";
  if (!/-\d+$/.test(base) && !names.includes(start) && base === start) return start;
  for (let number = 2; ; number++) if (!names.includes(`${start}-${number}`)) return `${start}-${number}`;
}
