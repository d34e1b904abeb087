// Putting texts into the page. Every string from the server goes in as text, never as markup.

import { percent } from "./format.js";
import { $, element } from "./image/text.js";

export { $, element };

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function setText(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

export function alertWith(id, text) {
  setText(id, text);
  $(id).hidden = !text;
}

export function fill(id, key, make) {
  if ($(id).dataset.key === key) return;
  $(id).dataset.key = key;
  $(id).replaceChildren(...make());
}

export function segments(id, parts, total) {
  const label = parts.map(([name, count]) => `${name} ${percent(count, total)}`).join(", ");
  $(id).setAttribute("aria-label", label || "nothing yet");
  fill(id, JSON.stringify([parts, total]), () =>
    parts.filter(([, count]) => count > 0).map(([name, count, variable]) => {
      const made = element("i");
      made.style.width = `${(100 * count) / total}%`;
      made.style.background = `var(${variable})`;
      made.title = `${name}: ${percent(count, total)}`;
      return made;
    }));
}

export function legendItem(name, text, variable) {
  const made = element("li", name);
  made.style.setProperty("--swatch", `var(${variable})`);
  made.append(element("b", text));
  return made;
}
