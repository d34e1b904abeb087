// What the user does, and what the scheduler is asked.

import { listenToCancel, showCancel } from "./cancel.js";
import { $, fill, legendItem, setText } from "./elements.js";
import { clock, grouped, percent } from "./format.js";
import { COLOURS, codeAt, drawPreview, makePreview, valueOf } from "./preview.js";
import { pixelAt, resolutionOf } from "./seen.js";
import { drawMap } from "./tiles.js";
import {
  STATES, asked, assembled, base, cursorOf, groupOf, heldImages, kindOf, partsShown, range, seen, startOf,
  stateName, tileName, view,
} from "./view.js";
import {
  showFactors, showFailures, showPages, showProgress, showRuns, showTitle, showWorkers,
} from "./words.js";

const MILLISECONDS = 1000;
const PATIENCE = 15000;

function showImages(run) {
  const [rows, columns] = run.grid;
  const several = run.tile[0] * run.tile[1] > 1;
  const tiles = rows * columns === 1 ? "1 tile" : `${grouped(rows)} × ${grouped(columns)} tiles`;
  const shared = run.tile[1] > 1 ? ` of ${run.tile[1]} panels` : "";
  const of = `of ${run.tile.slice(2).join(" × ")} pixels`;
  setText("map-size", assembled(run)
    ? `${grouped(view.states.length)} tiles ${of}${shared}, ${run.shape[1]} panels`
    : `${tiles} ${of}` + (several ? ` of ${heldImages(run)}` : ""));
  const factor = run.preview[2];
  setText("preview-size", factor === 1 ? "every pixel" : `maxima of ${factor} × ${factor} pixels`);
  const here = Object.fromEntries(STATES.map((name) => [name, 0]));
  for (const state of view.states) here[stateName(state)]++;
  const words = STATES.map((name) => [name, grouped(here[name])]);
  const held = assembled(run) ? `${range("frame", groupOf(run)[0], run.tile[0], run.shape[0])}, ` +
    "all panels, looking downstream" : heldImages(run);
  $("map").setAttribute("aria-label", `Tiles of ${held}: ` +
    words.map(([name, count]) => `${count} ${name}`).join(", "));
  fill("legend", JSON.stringify(words), () =>
    words.map(([name, count]) => legendItem(name, count, `--${name}`)));
  drawMap();
  drawPreview();
  showReadout();
}

function showReadout() {
  const run = view.document && view.document.run;
  const single = run && run.grid[0] * run.grid[1] === 1 && !assembled(run);
  const at = cursorOf(run) || (single ? { panel: view.panel, row: 0, column: 0 } : null);
  if (!run || !view.states || !at) return;
  const place = startOf(run, at.panel) + at.row * run.grid[1] + at.column;
  const share = partsShown(run).get(place);
  const state = stateName(view.states[place]) + (share ? `, ${percent(share, 1)} done` : "");
  const name = assembled(run) ? `, ${assembled(run).panels[at.panel].name}` : "";
  const words = run.shape[1] > 1 ? [`panel ${at.panel}${name}`] : [];
  if (at.slow !== undefined) words.push(...pixelWords(run, at));
  setText("readout", [...words, `tile ${tileName(run, at.row, at.column)}, ${state}`].join(" · "));
}

// of the cell of the preview that holds a pixel: which pixels it stands for, their largest, resolution
function pixelWords(run, at) {
  const factor = run.preview[2];
  const first = [at.slow, at.fast].map((pixel) => pixel - (pixel % factor));
  const last = first.map((pixel, axis) => Math.min(pixel + factor, run.shape[2 + axis]) - 1);
  const [slow, fast] = first.map((pixel, axis) =>
    (pixel === last[axis] ? `${pixel}` : `${pixel} – ${last[axis]}`));
  const code = codeAt(run, at);
  const value = code
    ? `${factor > 1 ? "up to " : ""}${Number(valueOf(code).toPrecision(3))} ${kindOf(run)}` : "nothing yet";
  const resolution = resolutionOf(
    at.panel, ...first.map((pixel, axis) => (pixel + last[axis] + 1) / 2));
  return [`slow ${slow}, fast ${fast}`, value, ...(resolution ? [`${resolution.toPrecision(4)} Å`] : [])];
}

// What the user does

function pointAt(event) {
  const run = view.document && view.document.run;
  if (!run) return;
  const box = event.target.getBoundingClientRect();
  const [rows, columns] = seen(run).shape;
  const found = pixelAt(run, (rows * (event.clientY - box.top)) / box.height,
    (columns * (event.clientX - box.left)) / box.width);
  if (found) moveTo(found);
}

function moveTo(cursor) {
  const moved = !view.cursor ||
    ["panel", "row", "column"].some((name) => view.cursor[name] !== cursor[name]);
  view.cursor = cursor;
  showReadout();
  if (moved) redraw();
}

function onKey(event) {
  const run = view.document && view.document.run;
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!run || !step) return;
  event.preventDefault();
  const here = cursorOf(run) || { panel: view.panel, row: 0, column: 0 };
  const within = (value, size) => Math.max(0, Math.min(size - 1, value));
  moveTo({ panel: here.panel, row: within(here.row + step[0], run.grid[0]), column: within(here.column + step[1], run.grid[1]) });
}

function choose(frame, panel, follow) {
  view.follow = follow;
  $("follow").checked = follow;
  const run = view.document && view.document.run;
  const within = (value, size) => Math.max(0, Math.min(size - 1, Math.floor(value) || 0));
  view.frame = within(frame, run ? run.shape[0] : Infinity);
  view.panel = within(panel, run ? run.shape[1] : Infinity);
  if (document.activeElement !== $("frame")) $("frame").value = view.frame;
  if (document.activeElement !== $("panel")) $("panel").value = view.panel;
}

function chooseRun(run) {
  view.run = run;
  view.cursor = null;
  choose(0, 0, true);
}

function remember() {
  const query = new URLSearchParams();
  if (view.run) query.set("run", view.run);
  if (!view.follow) query.set("frame", view.frame);
  if (!view.follow) query.set("panel", view.all ? "all" : view.panel);
  if (view.kind !== "photons") query.set("of", view.kind);
  const text = query.toString();
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
}

// where the page is not served over https the browser has no clipboard to write to
async function copyPath() {
  getSelection().selectAllChildren($("path"));
  const copied = navigator.clipboard
    ? await navigator.clipboard.writeText($("path").textContent).then(() => true, () => false)
    : document.execCommand("copy");
  setText("copy", copied ? "Copied" : "Selected");
}

async function chosen() {
  remember();
  await refresh();
}

// Asking the scheduler

async function ask(name, query) {
  const answer = await fetch(`${base}${name}?${new URLSearchParams(query)}`, {
    cache: "no-store", signal: AbortSignal.timeout(PATIENCE),
  });
  if (!answer.ok && answer.status !== 404) throw new Error(`${name}: ${answer.status}`);
  return answer;
}

async function askForPanel(run) {
  if (run.shape[1] > 1 && (!view.arrangement || view.arrangement.run !== run.run_id)) {
    const answer = await ask("panels", { run: run.run_id });
    view.arrangement = { ...(answer.ok && await answer.json()), run: run.run_id };
  }
  if (!view.geometry || view.geometry.run !== run.run_id) {
    const answer = await ask("geometry", { run: run.run_id });
    view.geometry = { ...(answer.ok && await answer.json()), run: run.run_id };
  }
  const query = { run: run.run_id, frame: view.frame, panel: assembled(run) ? "all" : view.panel,
    of: kindOf(run) };
  const key = JSON.stringify(query);
  if (view.shown !== key) [view.states, view.codes, view.version, view.shown] = [null, null, 0, key];
  const [states, preview] = await Promise.all([
    ask("states", query), ask("preview", { ...query, since: view.version }),
  ]);
  view.states = new Uint8Array(await states.arrayBuffer());
  if (!states.ok || !preview.ok) throw new Error("the run has just been forgotten");
  if (preview.status === 200) view.codes = new Uint16Array(await preview.arrayBuffer());
  view.version = Number(preview.headers.get("Tiled-Sim-Version"));
}

function show(document_) {
  view.document = document_;
  const run = document_.run;
  showPages(document_.pages);
  $("empty").hidden = Boolean(run);
  $("run").hidden = !run;
  if (!run) return;
  if (view.follow) choose(run.latest[0], run.latest[1], true);
  else choose(view.frame, view.panel, false);
  $("frame-field").hidden = run.shape[0] === 1;
  $("panel-field").hidden = run.shape[1] === 1;
  $("follow-field").hidden = run.shape[0] * run.shape[1] === 1;
  setText("frames", `of 0 – ${run.shape[0] - 1}`);
  setText("panels", `of 0 – ${run.shape[1] - 1}`);
  $("frame").max = run.shape[0] - 1;
  $("panel").max = run.shape[1] - 1;
  $("kind-field").hidden = !run.noise;
  for (const part of [showTitle, showCancel, showProgress, showWorkers, showFactors, showFailures]) part(run);
  showRuns(document_.runs, run);
}

// what there is to choose where panels are several
function showChoices(run) {
  const known = run.shape[1] > 1 && view.arrangement && Boolean(view.arrangement.panels);
  $("all-field").hidden = !known;
  $("names-field").hidden = !assembled(run);
  $("all").checked = view.all;
  $("panel").disabled = Boolean(assembled(run));
}

async function refresh() {
  try {
    const answer = await ask("tiles.json", { run: view.run, brief: "yes" });
    if (answer.status === 404) view.run = "";  // forgotten: the newest one then
    show(await (answer.ok ? answer : await ask("tiles.json", { brief: "yes" })).json());
    if (view.document.run) {
      await askForPanel(view.document.run);
      showChoices(view.document.run);
      showImages(view.document.run);
    }
    view.answered = Date.now();
    setText("link", "live");
    $("link").className = "quiet live";
  } catch (error) {
    console.warn(error);
    const since = view.answered ? `; shown as of ${clock(new Date(view.answered))}` : "";
    setText("link", `the scheduler does not answer${since}`);
    $("link").className = "quiet dead";
  }
}

async function live() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((resolve) => setTimeout(resolve, MILLISECONDS));
  }
}

function redraw() {
  drawMap();
  drawPreview();
}

function listen() {
  for (const name of COLOURS) $("colours").append(new Option(name, name));
  $("json").href = `${base}tiles.json`;
  $("schema").href = `${base}tiles.schema.json`;
  $("runs").addEventListener("change", () => { chooseRun($("runs").value); chosen(); });
  for (const id of ["frame", "panel"])
    $(id).addEventListener("change", () => {
      choose($("frame").value, $("panel").value, false);
      chosen();
    });
  $("all").addEventListener("change", () => {
    view.all = $("all").checked;
    if (!view.all && view.cursor) choose(view.frame, view.cursor.panel, false);
    view.cursor = null;
    chosen();
  });
  $("names").addEventListener("change", redraw);
  $("kind").value = view.kind;
  $("kind").addEventListener("change", () => { view.kind = $("kind").value; chosen(); });
  listenToCancel(refresh);
  $("follow").addEventListener("change", () => { view.follow = $("follow").checked; chosen(); });
  $("copy").addEventListener("click", copyPath);
  $("colours").addEventListener("change", drawPreview);
  $("decades").addEventListener("change", drawPreview);
  $("map").addEventListener("keydown", onKey);
  $("map").addEventListener("pointermove", pointAt);
  makePreview((pixel) => pixel && moveTo(pixel));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawMap);
  addEventListener("resize", redraw);
}

if (asked.has("frame")) choose(asked.get("frame"), asked.get("panel"), false);
listen();
live();
