// All panels, where they are seen along the beam, and the resolution of their pixels.

import { $ } from "./elements.js";
import { assembled, view } from "./view.js";

// from pixels of a panel to those of the page, clipped to the panel
export function onPanel(context, { scale, panel }, draw) {
  const [corner, slow, fast] = [panel.corner, panel.slow_step, panel.fast_step];
  context.save();
  context.transform(scale * fast[1], scale * fast[0], scale * slow[1], scale * slow[0],
    scale * corner[1], scale * corner[0]);
  context.beginPath();
  context.rect(0, 0, panel.pixels[1], panel.pixels[0]);
  context.clip();
  draw();
  context.restore();
}

// where on the page a place on a panel is, in pixels of either
export function placeOn({ scale, panel }, slow, fast) {
  const at = (axis) => scale *
    (panel.corner[axis] + slow * panel.slow_step[axis] + fast * panel.fast_step[axis]);
  return [at(1), at(0)];
}

// the panels in the order in which the later hide the earlier, each with the scale of the page
export function panelsOf(run, size) {
  const { panels, shape } = assembled(run);
  const scale = size.width / shape[1];
  return panels.map((panel, number) => ({ panel, number, scale }))
    .sort((one, other) => other.panel.depth_mm - one.panel.depth_mm || other.number - one.number);
}

export function outline(context, on, [slow, fast, slowEnd, fastEnd]) {
  context.moveTo(...placeOn(on, slow, fast));
  for (const corner of [[slow, fastEnd], [slowEnd, fastEnd], [slowEnd, fast]])
    context.lineTo(...placeOn(on, ...corner));
  context.closePath();
}

// the pixels of a tile on a panel, which may be smaller than the largest: from, to
export function tileOn(run, { panel }, row, column) {
  const [, , high, wide] = run.tile;
  return [row * high, column * wide, Math.min((row + 1) * high, panel.pixels[0]),
    Math.min((column + 1) * wide, panel.pixels[1])];
}

// the names of the panels, and the cursor
export function finishAll(context, run, size) {
  const every = panelsOf(run, size);
  if ($("names").checked) {
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const on of every) {
      const [slow, fast] = on.panel.pixels;
      const corners = [[0, 0], [0, fast], [slow, 0], [slow, fast]].map((at) => placeOn(on, ...at)[0]);
      const room = Math.max(...corners) - Math.min(...corners);
      const height = Math.max(5, Math.min(12, room / (0.8 * Math.max(on.panel.name.length, 1))));
      context.font = `${height}px system-ui, Arial, sans-serif`;
      write(context, on.panel.name, ...placeOn(on, slow / 2, fast / 2), height / 5);
    }
  }
  const cursor = view.cursor;
  const on = cursor && every.find(({ number }) => number === cursor.panel);
  if (!on) return;
  for (const [width, stroke] of [[4, "#ffffff"], [2, "#000000"]]) {
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.beginPath();
    outline(context, on, tileOn(run, on, cursor.row, cursor.column));
    context.stroke();
  }
}

export function write(context, text, x, y, edge) {
  context.lineWidth = edge;
  context.lineJoin = "round";
  context.strokeStyle = "#000000";
  context.fillStyle = "#ffffff";
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

// the panel that is seen at a cell, and the pixel
export function pixelAt(run, row, column) {
  for (const { panel, number } of panelsOf(run, { width: 1 }).reverse()) {
    const [down, right] = [row - panel.corner[0], column - panel.corner[1]];
    const [slow, fast] = [panel.slow_step, panel.fast_step];
    const area = slow[0] * fast[1] - slow[1] * fast[0];
    const at = [(fast[1] * down - fast[0] * right) / area, (slow[0] * right - slow[1] * down) / area];
    if (at.every((value, axis) => value >= 0 && value < panel.pixels[axis]))
      return { panel: number, slow: Math.floor(at[0]), fast: Math.floor(at[1]) };
  }
  return null;
}

// of the middle of a pixel, λ / (2 sin θ) [Å]; null where it is not known
export function resolutionOf({ panel, slow, fast }) {
  const found = view.geometry;
  if (!found || !found.panels) return null;
  const { origin_mm, slow_mm, fast_mm } = found.panels[panel];
  const place = origin_mm.map((from, axis) =>
    from + (slow + 0.5) * slow_mm[axis] + (fast + 0.5) * fast_mm[axis]);
  const distance = Math.hypot(...place);
  return found.wavelength_A /
    Math.hypot(...place.map((value, axis) => value / distance - found.beam[axis]));
}
