// What is shown: which run, frame and panels, and what the scheduler said of them.

export const STATES = ["done", "retried", "running", "failed", "waiting"];
export const LETTER = { w: "waiting", r: "running", d: "done", f: "failed", t: "retried" };

export const base = `${location.pathname.replace(/\/+$/, "")}/`;
export const asked = new URLSearchParams(location.search);
export const view = {
  run: asked.get("run") || "", frame: 0, panel: 0, follow: !asked.has("frame"),
  document: null, states: null, codes: null, version: 0, shown: "", cursor: null, answered: 0,
  picture: {}, kind: asked.get("of") === "counts" ? "counts" : "photons", geometry: null, all: !/^[0-9]+$/.test(asked.get("panel") || "all"), arrangement: null,
};

export function stateName(letter) {
  return LETTER[String.fromCharCode(letter)];
}

// where the panels are seen along the beam, if all of them are shown
export function assembled(run) {
  const found = view.arrangement;
  return view.all && found && found.run === run.run_id && found.panels ? found : null;
}

// which tile along the axes of frames and panels holds what is shown
export function groupOf(run) {
  const panel = assembled(run) && view.cursor ? view.cursor.panel : view.panel;
  return [Math.floor(view.frame / run.tile[0]), Math.floor(panel / run.tile[1])];
}

export function tileName(run, row, column) {
  const pad = (number, width) => String(number).padStart(width, "0");
  const [frames, panels] = groupOf(run);
  return `f${pad(frames, 5)}/p${pad(panels, 3)}/r${pad(row, 4)}c${pad(column, 4)}`;
}

// number in the plan of the first of the tiles that are shown; the others follow
export function firstTile(run) {
  const [frames, panels] = groupOf(run);
  return (frames * Math.ceil(run.shape[1] / run.tile[1]) + panels) * run.grid[0] * run.grid[1];
}

// [place on the map, share done] of the running tiles that are shown and take long
export function partsShown(run) {
  const first = firstTile(run);
  return run.parts.map(({ tile, share }) => [tile - first, share])
    .filter(([place]) => place >= 0 && place < run.grid[0] * run.grid[1]);
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
