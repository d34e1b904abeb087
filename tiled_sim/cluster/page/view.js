// What is shown: which run, frame and panels, and what the scheduler said of them.

export const STATES = ["done", "retried", "running", "failed", "waiting"];
export const LETTER = { w: "waiting", r: "running", d: "done", f: "failed", t: "retried" };

export const base = `${location.pathname.replace(/\/+$/, "")}/`;
export const asked = new URLSearchParams(location.search);
export const view = {
  run: asked.get("run") || "", frame: 0, panel: 0, follow: !asked.has("frame"),
  all: !/^[0-9]+$/.test(asked.get("panel") || "all"),
  kind: asked.get("of") === "counts" ? "counts" : "photons",
  document: null, answered: 0, cursor: null,
  states: null, codes: null, version: 0, shown: "",
  arrangement: null, geometry: null,
};

export function stateName(letter) {
  return LETTER[String.fromCharCode(letter)];
}

// where the panels are seen along the beam, if all of them are shown
export function assembled(run) {
  const found = view.arrangement;
  return view.all && found && found.run === run.run_id && found.panels ? found : null;
}

// the same, or one panel along its own axes, pixel (0, 0) at the upper left
export function seen(run) {
  const all = assembled(run);
  if (all) return all;
  const pixels = run.shape.slice(2);
  const panel = { name: "", pixels, corner: [0, 0], slow_step: [1, 0], fast_step: [0, 1], depth_mm: 0 };
  return { shape: pixels, panels: [panel], rings: [] };
}

// the tile that is chosen, and the pixel that is pointed at; null: none
export function cursorOf(run) {
  return view.cursor && { ...view.cursor, panel: assembled(run) ? view.cursor.panel : view.panel };
}

// which tile along the axes of frames and panels holds what is shown
export function groupOf(run) {
  const panel = (cursorOf(run) || view).panel;
  return [Math.floor(view.frame / run.tile[0]), Math.floor(panel / run.tile[1])];
}

export function tileName(run, row, column) {
  const pad = (number, width) => String(number).padStart(width, "0");
  const [frames, panels] = groupOf(run);
  return `f${pad(frames, 5)}/p${pad(panels, 3)}/r${pad(row, 4)}c${pad(column, 4)}`;
}

// number in the plan of the first of the tiles that are shown; the others follow
export function firstTile(run) {
  const panels = assembled(run) ? 0 : groupOf(run)[1];
  return (groupOf(run)[0] * Math.ceil(run.shape[1] / run.tile[1]) + panels) * run.grid[0] * run.grid[1];
}

// number among the tiles that are shown of the first of those of a panel
export function startOf(run, panel) {
  return assembled(run) ? Math.floor(panel / run.tile[1]) * run.grid[0] * run.grid[1] : 0;
}

// share done by number among the tiles that are shown, of those that take long
export function partsShown(run) {
  const first = firstTile(run);
  return new Map(run.parts.map(({ tile, share }) => [tile - first, share]));
}

export function range(name, index, side, size) {
  const first = index * side;
  const last = Math.min(first + side, size) - 1;
  return first === last ? `${name} ${first}` : `${name}s ${first} – ${last}`;
}

// photons, or counts of a run that has them
export function kindOf(run) {
  return run.noise ? view.kind : "photons";
}

// the frames and panels that the tiles shown are parts of
export function heldImages(run) {
  const [frames, panels] = groupOf(run);
  return `${range("frame", frames, run.tile[0], run.shape[0])}, ` +
    range("panel", panels, run.tile[1], run.shape[1]);
}
