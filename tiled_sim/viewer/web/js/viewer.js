// The page: one run, or two beside each other, with what is under the cursor and where it comes from.

import { MAPS } from "./colours.js";
import { Pane } from "./pane.js";
import { ServedRun } from "./served.js";
import { PackedRun } from "./packed.js";
import { Inspector } from "./inspector.js";
import { Spots } from "./spots.js";
import { $, grouped } from "./text.js";

const POLL = 2000; // [ms]
const SETTLE = 80; // a slider that moves is followed so soon [ms]

const state = { runs: [], frame: 0, quantity: "image", panes: [], geometry: null, done: null, wanted: 0 };

function trouble(error) {
  $("error").textContent = error ? error.message : "";
  $("error").hidden = !error;
}

const guarded = (work) => (...given) => Promise.resolve(work(...given)).catch(trouble);

async function begin() {
  const start = await (await fetch("data/start.json")).json();
  const Kind = start.kind === "served" ? ServedRun : PackedRun;
  state.runs = Array.from({ length: start.runs }, (_, number) => new Kind(`data/${number}`));
  for (const run of state.runs) run.description = await run.describe();
  const hash = new URLSearchParams(location.hash.slice(1));
  state.frame = Number(hash.get("frame") ?? start.frame ?? 0);
  state.quantity = hash.get("values") ?? start.quantity ?? "image";
  describe(state.runs[0].description);
  const first = new Pane($("first"), "first run", { onView: followed, onCursor: pointed, onPick: guarded(picked), trouble });
  state.panes = [first];
  if (state.runs[1]) state.panes.push(new Pane($("second"), "other run", { onView: followed, onCursor: pointed, onPick: guarded(picked), trouble }));
  state.inspector = new Inspector(state);
  state.spots = new Spots(state, trouble);
  controls();
  await showFrame(state.frame, false);
  const [row, column, scale] = ["row", "column", "scale"].map((name) => Number(hash.get(name)));
  if (scale > 0) first.image.setView({ row, column, scale });
  document.body.dataset.ready = "yes";
  if (state.runs.some((run) => run.description.offers.status)) poll();
}

function describe(run) {
  const other = state.runs[1] && state.runs[1].description;
  $("name").textContent = other ? `${run.name} against ${other.name}` : run.name;
  $("path").textContent = other || run.path === run.name ? "" : run.path;
  document.title = `${$("name").textContent} – tiled_sim`;
  $("frame-field").hidden = run.frames < 2;
  $("frame").max = $("frame-slider").max = run.frames - 1;
  $("frames").textContent = `of ${grouped(run.frames)}`;
  const common = run.quantities.filter(({ name }) => !other || other.quantities.some((one) => one.name === name));
  $("quantity").replaceChildren(...common.map(({ label, name }) => new Option(label, name)));
  $("quantity-field").hidden = common.length < 2;
  if (!common.some(({ name }) => name === state.quantity)) state.quantity = common[0].name;
  $("quantity").value = state.quantity;
  $("map").replaceChildren(...Object.keys(MAPS).map((name) => new Option(name, name)));
  $("kind").closest("label").hidden = !other;
  $("spots-field").hidden = !run.offers.spots;
  $("second").hidden = $("first-caption").hidden = !other;
  $("first-caption").textContent = run.name;
}

function unit() {
  return state.runs[0].description.quantities.find(({ name }) => name === state.quantity).unit;
}

// What is shown

async function showFrame(frame, keepView = true) {
  const run = state.runs[0].description;
  frame = Math.max(0, Math.min(run.frames - 1, Math.round(frame) || 0));
  const asked = (state.wanted += 1);
  $("frame").value = $("frame-slider").value = frame;
  const told = await Promise.all(state.runs.map((one) => one.frame(frame)));
  if (asked !== state.wanted) return;
  state.frame = frame;
  state.done = null;
  state.told = told;
  await showSources(keepView);
  state.inspector.frameChanged();
  remember();
}

async function showSources(keepView = true) {
  const sources = state.runs.map((run) => run.source(run.description, state.quantity, state.frame));
  const [first, second] = state.panes;
  await first.show(sources[0], { run: state.runs[0].description, frame: state.told[0], unit: unit(), kind: "level", keepView });
  if (second) {
    const kind = $("kind").value;
    $("second-caption").textContent = kind === "other" ? state.runs[1].description.name
      : kind === "difference" ? `${state.runs[0].description.name} − ${state.runs[1].description.name}`
        : `${state.runs[0].description.name} ÷ ${state.runs[1].description.name}`;
    await second.show(kind === "other" ? sources[1] : second.derive(kind, sources), {
      run: state.runs[1].description, frame: state.told[1], keepView,
      unit: kind === "ratio" ? "" : unit(), kind: kind === "other" ? "level" : kind,
    });
  }
  state.spots.frameChanged();
}

// What the panes tell

function followed(pane, view) {
  for (const other of state.panes) if (other !== pane) other.image.setView(view, true);
  state.spots.moved();
  remember();
}

function pointed(pane, cursor) {
  for (const other of state.panes)
    if (other !== pane) other.image.setCursor(cursor && { ...cursor, by: "keys" }, true);
  state.inspector.pointed(pane, cursor);
}

function picked(pane, cell) {
  for (const other of state.panes) if (other !== pane) other.image.setPicked(cell);
  return state.inspector.picked(pane, cell);
}

let remembering = 0;
function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    const { row, column, scale } = state.panes[0].image.view;
    const kept = { frame: state.frame, values: state.quantity };
    if (!state.panes[0].image.fitted) Object.assign(kept, { row: row.toFixed(1), column: column.toFixed(1), scale: scale.toPrecision(4) });
    history.replaceState(null, "", `#${new URLSearchParams(kept)}`);
  }, 300);
}

// A run that is being computed

async function poll() {
  let wait = POLL;
  try {
    const every = await Promise.all(state.runs.map((run) => run.description.offers.status && run.status(state.frame)));
    showState(every[0]);
    const done = JSON.stringify(every.map((one) => one && one.frame.done));
    if (state.done !== null && done !== state.done) {
      state.panes.forEach((pane) => pane.image.refresh());
      state.spots.refresh();
    }
    state.done = done;
    if (every.every((one) => !one || one.run.done >= one.run.tiles)) wait = 0;
    if (state.lost) trouble(null);
    state.lost = false;
  } catch (error) {
    trouble(error);
    state.lost = true;
  }
  if (wait) setTimeout(poll, wait);
}

function showState(status) {
  if (!status) return;
  const { done, tiles } = status.run;
  const here = status.frame.done < status.frame.tiles && state.runs[0].description.frames > 1
    ? ` · this frame ${grouped(status.frame.done)} of ${grouped(status.frame.tiles)}` : "";
  $("state").hidden = false;
  $("state").textContent = done >= tiles ? "all tiles are done" : `${grouped(done)} of ${grouped(tiles)} tiles${here}`;
}

// What people set

function controls() {
  let later = 0;
  const soon = (frame) => {
    clearTimeout(later);
    $("frame").value = $("frame-slider").value = frame;
    later = setTimeout(guarded(() => showFrame(Number(frame))), SETTLE);
  };
  $("frame-slider").addEventListener("input", () => soon($("frame-slider").value));
  $("frame").addEventListener("change", () => soon($("frame").value));
  $("quantity").addEventListener("change", guarded(() => {
    state.quantity = $("quantity").value;
    state.panes.forEach((pane) => pane.forgetRange());
    remember();
    return showSources();
  }));
  $("kind").addEventListener("change", guarded(() => {
    state.panes[1].forgetRange();
    return showSources();
  }));
  $("log").addEventListener("change", guarded(() =>
    Promise.all(state.panes.map((pane) => pane.setLog($("log").value === "log")))));
  $("map").addEventListener("change", () => state.panes.forEach((pane) => pane.setMap($("map").value)));
  for (const name of ["outlines", "names", "rings"])
    $(name).addEventListener("change", () => state.panes.forEach((pane) => pane.setOverlay({ [name]: $(name).checked })));
  $("spots").addEventListener("change", () => state.spots.set($("spots").checked));
  const zoom = { in: (image) => image.zoomBy(2), out: (image) => image.zoomBy(0.5), fit: (image) => image.fit(), one: (image) => image.zoomBy(1 / image.view.scale) };
  for (const [id, act] of Object.entries(zoom)) $(id).addEventListener("click", () => act(state.panes[0].image));
}

window.viewer = state; // for whoever looks from the console
begin().catch(trouble);
