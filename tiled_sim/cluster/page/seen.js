// Panels where they are seen: along the beam, or one along its own axes. Places are [row, column] in
// cells of the grid that `seen` tells the shape of.

import { assembled, seen, view } from "./view.js";

// the panels in the order in which the later hide the earlier
export function panelsOf(run) {
  return seen(run).panels.map((panel, index) => ({ panel, number: assembled(run) ? index : view.panel }))
    .sort((one, other) => other.panel.depth_mm - one.panel.depth_mm || other.number - one.number);
}

// where a place on a panel is seen, in pixels from its corner
export function placeOn(panel, slow, fast) {
  return [0, 1].map((axis) =>
    panel.corner[axis] + slow * panel.slow_step[axis] + fast * panel.fast_step[axis]);
}

// from a place to pixels from a panel's corner along slow and fast; null of a panel seen edge-on
export function onto({ corner, slow_step: slow, fast_step: fast }) {
  const area = slow[0] * fast[1] - slow[1] * fast[0];
  if (!area) return null;
  return (row, column) => {
    const [down, right] = [row - corner[0], column - corner[1]];
    return [(fast[1] * down - fast[0] * right) / area, (slow[0] * right - slow[1] * down) / area];
  };
}

// the pixels of a tile on a panel, which may be smaller than the largest: from, to
export function tileOn(run, panel, row, column) {
  const [, , high, wide] = run.tile;
  return [row * high, column * wide, Math.min((row + 1) * high, panel.pixels[0]),
    Math.min((column + 1) * wide, panel.pixels[1])];
}

// its corners, around it
export function cornersOf(panel, [slow, fast, slowEnd, fastEnd]) {
  return [[slow, fast], [slow, fastEnd], [slowEnd, fastEnd], [slowEnd, fast]]
    .map((at) => placeOn(panel, ...at));
}

// the pixel that is seen at a place, with its panel and tile; null between panels
export function pixelAt(run, row, column) {
  for (const { panel, number } of panelsOf(run).reverse()) {
    const at = onto(panel)?.(row, column);
    if (!at || !at.every((value, axis) => value >= 0 && value < panel.pixels[axis])) continue;
    const [slow, fast] = at.map(Math.floor);
    return { panel: number, slow, fast,
      row: Math.floor(slow / run.tile[2]), column: Math.floor(fast / run.tile[3]) };
  }
  return null;
}

// λ / (2 sin θ) at a place on a panel, in pixels from its corner [Å]; null where it is not known
export function resolutionOf(panel, slow, fast) {
  const found = view.geometry;
  if (!found || !found.panels) return null;
  const { origin_mm, slow_mm, fast_mm } = found.panels[panel];
  const place = origin_mm.map((from, axis) => from + slow * slow_mm[axis] + fast * fast_mm[axis]);
  const distance = Math.hypot(...place);
  return found.wavelength_A /
    Math.hypot(...place.map((value, axis) => value / distance - found.beam[axis]));
}
