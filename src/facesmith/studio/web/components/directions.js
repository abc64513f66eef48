// Directions of makeovers in plain words, from the attributes of the photos that they were learned from.

const WORDS = {
  Male: ["Masculine", "Feminine"],
  Young: ["Younger", "Older"],
  Smiling: ["Smiling", "Serious"],
  Eyeglasses: ["Add glasses", "Remove glasses"],
  Bald: ["Bald", "Add hair"],
  Mustache: ["Add moustache", "Remove moustache"],
  No_Beard: ["Remove beard", "Add beard"],
  Wearing_Hat: ["Add hat", "Remove hat"],
};

const terms = (expression) => expression.split("&").map((term) => term.trim());
const plain = (term) => (term.startsWith("~") ? `not ${plain(term.slice(1))}` : term.replaceAll("_", " ").toLowerCase());

/** The attributes in which the target differs from the source: those that turn first. */
function changes({ source, target }) {
  const before = terms(source);
  const opposite = (term) => (term.startsWith("~") ? term.slice(1) : `~${term}`);
  const added = terms(target).filter((term) => !before.includes(term));
  return [...added.filter((term) => before.includes(opposite(term))), ...added.filter((term) => !before.includes(opposite(term)))];
}

/** "Feminine" for a direction from "Male & Young" to "~Male & Young"; the name if nothing else says it. */
export function directionLabel(direction) {
  const [first] = changes(direction);
  const [name, isAbsent] = first?.startsWith("~") ? [first.slice(1), true] : [first, false];
  return WORDS[name]?.[isAbsent ? 1 : 0] ?? direction.name;
}

/** A sentence on what a direction was learned from. */
export const directionText = ({ source, target }) =>
  `Trained on two groups of photos. It changes faces like those labelled “${terms(source).map(plain).join("”, “")}” ` +
  `so that they resemble those labelled “${terms(target).map(plain).join("”, “")}”.`;
