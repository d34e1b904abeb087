"use strict";
// Every string from the server goes into the page as text (textContent), never as markup.

const STATES = ["done", "retried", "running", "failed", "waiting"];
const LETTER = { w: "waiting", r: "running", d: "done", f: "failed", t: "retried" };
const OUTCOME = { pending: "to be tried again", given_up: "given up", recovered: "done since" };
const LOOKUPS = [
  ["in_range", "in range", "--done", "at a reflection whose structure factor is given, and not 0"],
  ["zero", "zero", "--retried", "at a reflection whose structure factor is given as 0"],
  ["absent", "absent", "--running", "within the ranges of h, k, l, but not given"],
  ["forbidden", "absent by symmetry", "--waiting", "0 by the symmetry of the space group"],
  ["out_of_range", "out of range", "--failed", "beyond the ranges of h, k, l"],
];
const STAGES = ["--done", "--running", "--retried", "--failed", "--waiting"];
const COLOURS = {
  inferno: "000004 0b0724 210c4a 3d0965 57106e 71196e 8a226a a32c61 bc3754 d24644 e45a31 f1731d f98e09 fcac11 f9cb35 f2ea69 fcffa4",
  viridis: "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725",
  grey: "ffffff f0f0f0 e2e2e2 d3d3d3 c4c4c4 b5b5b5 a5a5a5 959595 858585 747474 646464 535353 424242 323232 212121 111111 000000",
};
const CODES = 0x7f82;
const HIGHEST = 620;
const MILLISECONDS = 1000;
const PATIENCE = 15000;

const $ = (id) => document.getElementById(id);
const base = `${location.pathname.replace(/\/+$/, "")}/`;
const asked = new URLSearchParams(location.search);
const view = {
  run: asked.get("run") || "", frame: 0, panel: 0, follow: !asked.has("frame"),
  document: null, states: null, codes: null, version: 0, shown: "", cursor: null, answered: 0,
  picture: {}, all: !/^[0-9]+$/.test(asked.get("panel") || "all"), arrangement: null,
};

// Small things

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function si(value) {
  if (!(value > 0)) return "0";
  const step = Math.max(-3, Math.min(6, Math.floor(Math.log10(value) / 3)));
  const prefix = ["n", "µ", "m", "", "k", "M", "G", "T", "P", "E"][step + 3];
  return `${Number((value / 1000 ** step).toPrecision(3))}${prefix ? " " + prefix : ""}`;
}

function grouped(count) {
  return count < 1e7 ? String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f") : si(count);
}

function percent(part, whole) {
  if (!whole) return "0 %";
  const value = (100 * part) / whole;
  if (part === whole) return "100 %";
  return value >= 99.95 ? "99.9 %" : `${value.toFixed(value > 0 && value < 0.1 ? 2 : 1)} %`;
}

function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

function clock(date) {
  const time = date.toTimeString().slice(0, 5);
  const today = date.toDateString() === new Date().toDateString();
  return today ? time : `${date.toISOString().slice(0, 10)} ${time}`;
}

function superscript(number) {
  return String(number).replace(/./g, (digit) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(digit)]);
}

function stateName(letter) {
  return LETTER[String.fromCharCode(letter)];
}

// where the panels are seen along the beam, if all of them are shown
function assembled(run) {
  const found = view.arrangement;
  return view.all && found && found.run === run.run_id && found.panels ? found : null;
}

// which tile along the axes of frames and panels holds what is shown
function groupOf(run) {
  const panel = assembled(run) && view.cursor ? view.cursor.panel : view.panel;
  return [Math.floor(view.frame / run.tile[0]), Math.floor(panel / run.tile[1])];
}

function tileName(run, row, column) {
  const pad = (number, width) => String(number).padStart(width, "0");
  const [frames, panels] = groupOf(run);
  return `f${pad(frames, 5)}/p${pad(panels, 3)}/r${pad(row, 4)}c${pad(column, 4)}`;
}

// number in the plan of the first of the tiles that are shown; the others follow
function firstTile(run) {
  const [frames, panels] = groupOf(run);
  return (frames * Math.ceil(run.shape[1] / run.tile[1]) + panels) * run.grid[0] * run.grid[1];
}

// [place on the map, share done] of the running tiles that are shown and take long
function partsShown(run) {
  const first = firstTile(run);
  return run.parts.map(({ tile, share }) => [tile - first, share])
    .filter(([place]) => place >= 0 && place < run.grid[0] * run.grid[1]);
}

function range(name, index, side, size) {
  const first = index * side;
  const last = Math.min(first + side, size) - 1;
  return first === last ? `${name} ${first}` : `${name}s ${first} – ${last}`;
}

// the frames and panels that the tiles shown are parts of
function heldImages(run) {
  const [frames, panels] = groupOf(run);
  return `${range("frame", frames, run.tile[0], run.shape[0])}, ` +
    range("panel", panels, run.tile[1], run.shape[1]);
}

function setText(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function alertWith(id, text) {
  setText(id, text);
  $(id).hidden = !text;
}

function fill(id, key, make) {
  if ($(id).dataset.key === key) return;
  $(id).dataset.key = key;
  $(id).replaceChildren(...make());
}

function segments(id, parts, total) {
  const label = parts.map(([name, count]) => `${name} ${percent(count, total)}`).join(", ");
  $(id).setAttribute("aria-label", label);
  fill(id, JSON.stringify([parts, total]), () =>
    parts.filter(([, count]) => count > 0).map(([name, count, variable]) => {
      const made = element("i");
      made.style.width = `${(100 * count) / total}%`;
      made.style.background = `var(${variable})`;
      made.title = `${name}: ${percent(count, total)}`;
      return made;
    }));
}

function legendItem(name, text, variable) {
  const made = element("li", name);
  made.style.setProperty("--swatch", `var(${variable})`);
  made.append(element("b", text));
  return made;
}

// The words and numbers

function showPages(pages) {
  fill("pages", JSON.stringify(pages), () => pages.map((page) => {
    const item = element("li");
    const link = element("a", page === "tiled-sim" ? "Tiles" : page[0].toUpperCase() + page.slice(1));
    link.href = new URL(page, new URL(base.replace(/[^/]+\/$/, ""), location.href)).pathname;
    if (page === "tiled-sim") link.setAttribute("aria-current", "page");
    item.append(link);
    return item;
  }));
}

function showRuns(runs, run) {
  const label = (one) =>
    `${one.path.split("/").pop()} · ${one.state} · ${percent(one.done, one.tiles)}`;
  fill("runs", JSON.stringify(runs.map((one) => [one.run_id, label(one)])), () =>
    runs.map((one) => new Option(label(one), one.run_id)));
  $("runs").value = run.run_id;
}

function stateOf(run) {
  const finishing = run.state === "running" && run.done === run.tiles;
  return finishing ? "finishing: making the overview levels" : run.state;
}

function showTitle(run) {
  document.title = `${percent(run.done + run.under_way, run.tiles)} ${run.path.split("/").pop()} – tiled_sim`;
  setText("path", run.path);
  setText("state", stateOf(run));
  $("state").className = `badge ${run.state}`;
  alertWith("error", run.error);
}

function showProgress(run) {
  segments("progress", STATES.map((name) => [name, run.counts[name], `--${name}`]), run.tiles);
  $("progress").setAttribute("aria-valuenow", ((100 * (run.done + run.under_way)) / run.tiles).toFixed(1));
  const eta = run.done === run.tiles ? null : run.eta_seconds;
  const end = eta === null ? "" : `about ${clock(new Date(Date.now() + 1000 * eta))}`;
  const none = run.done === run.tiles ? "all tiles are done"
    : run.done + run.under_way ? "nothing done lately" : "known when something is done";
  const ofAll = percent(run.done + run.under_way, run.tiles) + (run.under_way ? " with parts" : "");
  const average = run.state === "running" ? "lately" : "on average";
  const facts = [
    ["Tiles done", `${grouped(run.done)}`, `of ${grouped(run.tiles)}, ${ofAll}`],
    ["Time left", eta === null ? "–" : duration(eta), end || (run.state === "running" ? none : "")],
    ["Elapsed", duration(run.seconds), ""],
    ["Evaluations/s", si(run.evaluations_per_second), average],
    ["Evaluations", si(run.evaluations), `of ${si(run.evaluations_planned)} planned`],
    ["Workers", grouped(run.worker_count), `${grouped(run.counts.running)} tiles running`],
    ["Kernel", run.kernel, run.precision],
  ];
  fill("facts", JSON.stringify(facts), () => facts.map(([name, value, note]) => {
    const fact = element("div");
    const shown = element("dd", value);
    shown.append(element("small", note));
    fact.append(element("dt", name), shown);
    return fact;
  }));
}

function showWorkers(run) {
  const fastest = Math.max(...run.workers.map((worker) => worker.evaluations_per_second), 1e-300);
  const more = run.worker_count - run.workers.length;
  setText("worker-count", more > 0 ? `the fastest ${run.workers.length} of ${run.worker_count}` : "");
  fill("workers", JSON.stringify(run.workers), () => run.workers.map((worker) => {
    const row = element("tr");
    const rate = element("td", si(worker.evaluations_per_second), "n");
    const bar = element("span", undefined, "rate");
    bar.style.setProperty("--share", `${(100 * worker.evaluations_per_second) / fastest}%`);
    rate.append(bar);
    const address = element("td", worker.address);
    address.title = worker.address;
    row.append(address, rate, element("td", grouped(worker.tiles), "n"),
      element("td", String(worker.running), "n"));
    return row;
  }));
  const stages = Object.entries(run.stage_seconds).sort((one, other) => other[1] - one[1]);
  const total = stages.reduce((sum, [, seconds]) => sum + seconds, 0);
  const parts = stages.map(([name, s], i) => [name, s, STAGES[Math.min(i, STAGES.length - 1)]]);
  segments("stages", parts, total);
  fill("stage-legend", JSON.stringify(parts), () =>
    parts.map(([name, s, variable]) => legendItem(name, percent(s, total), variable)));
}

function showFactors(run) {
  const found = run.lookups;
  const total = LOOKUPS.reduce((sum, [name]) => sum + found[name], 0);
  const missed = found.absent + found.out_of_range;
  const all = found.counted === "exact" ? "All look-ups" : "A sample of the look-ups";
  setText("counted", total ? `${all} of the tiles that this process had computed.` : "None yet.");
  const miss = `${percent(missed, total)} of the look-ups found no structure factor`;
  alertWith("miss", 2 * missed <= total ? "" : 10 * missed > 9 * total
    ? `${miss}. Is it the right file, and does it reach the detector's resolution?`
    : `${miss}. Centred lattices and the corners of the detector explain that; so would a file ` +
      "that is cut short.");
  $("miss").classList.toggle("mild", 10 * missed <= 9 * total);
  const parts = LOOKUPS.map(([name, label, variable, note]) => [label, found[name], variable, note]);
  segments("coverage", parts, total);
  fill("lookups", JSON.stringify(found), () => {
    const rows = parts.map((part) => lookupRow(part, total));
    if (!found.interpolation_refused) return rows;
    const note = "too near the edge of the ranges: the nearest reflection was taken";
    return [...rows, lookupRow(["not interpolated", found.interpolation_refused, "--waiting", note], total)];
  });
}

function lookupRow([label, count, variable, note], total) {
  const row = element("tr");
  row.title = note;
  const name = element("th", label);
  name.scope = "row";
  name.style.setProperty("--swatch", `var(${variable})`);
  row.append(name, element("td", grouped(count), "n"), element("td", percent(count, total), "n"));
  return row;
}

function showFailures(run) {
  const attempts = run.failure_count === 1 ? "attempt" : "attempts";
  setText("failure-count", run.failure_count ? `${grouped(run.failure_count)} ${attempts}` : "none");
  fill("failures", JSON.stringify(run.failures), () => run.failures.map((failed) => {
    const item = element("li", undefined, failed.outcome);
    const head = element("div");
    head.append(element("code", failed.tile), " ", element("b", OUTCOME[failed.outcome]),
      ` after ${failed.attempts} ${failed.attempts === 1 ? "attempt" : "attempts"}`);
    item.append(head, element("div", failed.error, "what"),
      element("div", failed.worker ? `on ${failed.worker}` : "", "quiet"));
    return item;
  }));
}

// The map and the preview

function fit(run) {
  const [rows, columns] = assembled(run) ? assembled(run).shape : run.shape.slice(2);
  const aspect = rows / columns;
  const room = $("map-stage").clientWidth;
  const width = Math.max(1, Math.floor(Math.min(room, HIGHEST / aspect)));
  return { width, height: Math.max(1, Math.round(width * aspect)) };
}

// a whole tile as it is drawn; those in the last row and column may be cut by the panel's edge
function cellOf(run, size) {
  return {
    width: (size.width * run.tile[3]) / run.shape[3],
    height: (size.height * run.tile[2]) / run.shape[2],
  };
}

function prepared(canvas, size) {
  const dense = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(size.width * dense), Math.round(size.height * dense)];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
    canvas.style.width = `${size.width}px`;
    canvas.style.height = `${size.height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(dense, 0, 0, dense, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.imageSmoothingEnabled = false;
  return context;
}

function pixels(width, height, words) {
  const made = document.createElement("canvas");
  made.width = width;
  made.height = height;
  const data = new ImageData(new Uint8ClampedArray(words.buffer), width, height);
  made.getContext("2d").putImageData(data, 0, 0);
  return made;
}

function mapped(source, table) {
  const words = new Uint32Array(source.length);
  for (let at = 0; at < words.length; at++) words[at] = table[source[at]];
  return words;
}

function word(hex) {
  const number = parseInt(hex.replace("#", ""), 16);
  return (0xff000000 | ((number & 255) << 16) | (number & 0xff00) | (number >> 16)) >>> 0;
}

function drawMap() {
  const run = view.document && view.document.run;
  if (!run || !view.states) return;
  const [rows, columns] = run.grid;
  const size = fit(run);
  const context = prepared($("map"), size);
  const table = new Uint32Array(256);
  for (const [letter, name] of Object.entries(LETTER))
    table[letter.charCodeAt(0)] = word(colour(`--${name}`));
  if (assembled(run)) return drawAllTiles(context, run, size, table);
  const cell = cellOf(run, size);
  context.drawImage(pixels(columns, rows, mapped(view.states, table)), 0, 0,
    columns * cell.width, rows * cell.height);
  drawParts(context, run, cell);
  if (Math.min(cell.width, cell.height) >= 8) drawGrid(context, rows, columns, cell, size);
  if (Math.min(cell.width, cell.height) >= 9) drawMarks(context, columns, cell);
  drawCursor(context, cell);
}

// what is done of a running tile, from its top on
function drawParts(context, run, cell) {
  context.fillStyle = colour("--done");
  for (const [place, share] of partsShown(run)) {
    const [column, row] = [place % run.grid[1], Math.floor(place / run.grid[1])];
    context.fillRect(column * cell.width, row * cell.height, cell.width, share * cell.height);
  }
}

function drawGrid(context, rows, columns, cell, size) {
  context.strokeStyle = colour("--card");
  context.lineWidth = 1;
  context.beginPath();
  for (let row = 1; row < rows; row++) line(context, 0, row * cell.height, size.width, row * cell.height);
  for (let at = 1; at < columns; at++) line(context, at * cell.width, 0, at * cell.width, size.height);
  context.stroke();
}

function line(context, x, y, toX, toY) {
  context.moveTo(x, y);
  context.lineTo(toX, toY);
}

// beside their colour: a cross for failed, a dot for running, a slash for retried
function drawMarks(context, columns, cell) {
  const places = Array.from(view.states, (state, index) => [state,
    ((index % columns) + 0.5) * cell.width, (Math.floor(index / columns) + 0.5) * cell.height]);
  markStates(context, places, Math.min(cell.width, cell.height, 40) / 5);
}

// [state, x, y] of the middle of tiles, and half the height of a mark
function markStates(context, places, r) {
  context.strokeStyle = context.fillStyle = colour("--mark");
  context.lineWidth = Math.max(1.25, r / 3);
  const dots = new Path2D();
  context.beginPath();
  places.forEach(([state, x, y]) => {
    const letter = String.fromCharCode(state);
    if (letter === "f") line(context, x - r, y - r, x + r, y + r);
    if (letter === "f" || letter === "t") line(context, x - r, y + r, x + r, y - r);
    if (letter === "r") {
      dots.moveTo(x, y);
      dots.arc(x, y, r / 2, 0, 7);
    }
  });
  context.stroke();
  context.fill(dots);
}

function drawCursor(context, cell) {
  if (!view.cursor) return;
  for (const [width, stroke] of [[4, "#ffffff"], [2, "#000000"]]) {
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.strokeRect(view.cursor.column * cell.width, view.cursor.row * cell.height,
      cell.width, cell.height);
  }
}

// All panels, where they are seen along the beam

// from pixels of a panel to those of the page, clipped to the panel
function onPanel(context, { scale, panel }, draw) {
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
function placeOn({ scale, panel }, slow, fast) {
  const at = (axis) => scale *
    (panel.corner[axis] + slow * panel.slow_step[axis] + fast * panel.fast_step[axis]);
  return [at(1), at(0)];
}

// the panels in the order in which the later hide the earlier, each with the scale of the page
function panelsOf(run, size) {
  const { panels, shape } = assembled(run);
  const scale = size.width / shape[1];
  return panels.map((panel, number) => ({ panel, number, scale }))
    .sort((one, other) => other.panel.depth_mm - one.panel.depth_mm || other.number - one.number);
}

function outline(context, on, [slow, fast, slowEnd, fastEnd]) {
  context.moveTo(...placeOn(on, slow, fast));
  for (const corner of [[slow, fastEnd], [slowEnd, fastEnd], [slowEnd, fast]])
    context.lineTo(...placeOn(on, ...corner));
  context.closePath();
}

// the pixels of a tile on a panel, which may be smaller than the largest: from, to
function tileOn(run, { panel }, row, column) {
  const [, , high, wide] = run.tile;
  return [row * high, column * wide, Math.min((row + 1) * high, panel.pixels[0]),
    Math.min((column + 1) * wide, panel.pixels[1])];
}

function drawAllTiles(context, run, size, table) {
  const [rows, columns] = run.grid;
  const count = rows * columns;
  const first = Math.floor(view.frame / run.tile[0]) * Math.ceil(run.shape[1] / run.tile[1]) * count;
  const shares = new Map(run.parts.map(({ tile, share }) => [tile - first, share]));
  const marks = [];
  let smallest = Infinity;
  for (const on of panelsOf(run, size)) {
    const start = Math.floor(on.number / run.tile[1]) * count;
    const states = view.states.subarray(start, start + count);
    const picture = pixels(columns, rows, mapped(states, table));
    onPanel(context, on, () => {
      context.drawImage(picture, 0, 0, columns * run.tile[3], rows * run.tile[2]);
      context.fillStyle = colour("--done");
      for (let place = 0; place < count; place++) {
        const share = shares.get(start + place);
        if (!share) continue;
        const [slow, fast, slowEnd, fastEnd] = tileOn(run, on, Math.floor(place / columns), place % columns);
        context.fillRect(fast, slow, fastEnd - fast, share * (slowEnd - slow));
      }
    });
    context.strokeStyle = colour("--card");
    context.lineWidth = 1;
    context.beginPath();
    const side = on.scale * Math.min(
      run.tile[2] * Math.hypot(...on.panel.slow_step), run.tile[3] * Math.hypot(...on.panel.fast_step));
    for (let place = 0; place < count; place++) {
      const tile = tileOn(run, on, Math.floor(place / columns), place % columns);
      if (tile[0] >= tile[2] || tile[1] >= tile[3]) continue;
      if (side >= 8) outline(context, on, tile);
      if (side >= 9) marks.push([states[place], ...placeOn(on, (tile[0] + tile[2]) / 2, (tile[1] + tile[3]) / 2)]);
    }
    if (side < 8 && on.scale * on.panel.pixels[0] > 8) outline(context, on, [0, 0, ...on.panel.pixels]);
    context.stroke();
    smallest = Math.min(smallest, side);
  }
  markStates(context, marks, Math.min(smallest, 40) / 5);
  finishAll(context, run, size);
}

// the names of the panels, and the cursor
function finishAll(context, run, size) {
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

function write(context, text, x, y, edge) {
  context.lineWidth = edge;
  context.lineJoin = "round";
  context.strokeStyle = "#000000";
  context.fillStyle = "#ffffff";
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

function drawRings(context, run, size) {
  const { rings, shape } = assembled(run);
  const scale = size.width / shape[1];
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const { d_A, lines } of rings) {
    context.strokeStyle = "rgb(255 255 255 / 70%)";
    context.lineWidth = 1;
    context.beginPath();
    for (const points of lines)
      points.forEach(([row, column], index) =>
        (index ? context.lineTo : context.moveTo).call(context, scale * column, scale * row));
    context.stroke();
    const longest = lines.reduce((one, other) => (other.length > one.length ? other : one));
    const [row, column] = longest[Math.floor(longest.length / 2)];
    context.font = "11px system-ui, Arial, sans-serif";
    write(context, `${d_A} Å`, scale * column, scale * row, 2.5);
  }
}

function drawAllPreviews(context, run, size, canvases) {
  const [slow, fast, factor] = run.preview;
  for (const on of panelsOf(run, size))
    onPanel(context, on, () => {
      context.fillStyle = colour("--unknown");
      context.fillRect(0, 0, on.panel.pixels[1], on.panel.pixels[0]);
      if (canvases) context.drawImage(canvases[on.number], 0, 0, fast * factor, slow * factor);
    });
  drawRings(context, run, size);
  finishAll(context, run, size);
}

// the panel that is seen at a cell, and the pixel
function pixelAt(run, row, column) {
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

const bits = new Uint32Array(1);
const real = new Float32Array(bits.buffer);

function valueOf(code) {
  bits[0] = (code - 1) << 16;
  return real[0];
}

// codes grow with the values, so that a histogram of them gives exact percentiles
function rangeOf(codes) {
  const histogram = new Uint32Array(CODES);
  let count = 0;
  let highest = 0;
  for (const code of codes) {
    if (code < 2) continue;
    histogram[code]++;
    count++;
    if (code > highest) highest = code;
  }
  if (!count) return null;
  const high = Math.min(valueOf(highest), 3e38);
  const decades = Number($("decades").value);
  if (decades) return { low: high / 10 ** decades, high };
  const low = Math.max(quantile(histogram, 0.1 * count), high * 1e-8);
  return { low, high: Math.max(Math.min(quantile(histogram, 0.995 * count), high), 10 * low) };
}

function quantile(histogram, rank) {
  let code = 2;
  for (let below = histogram[code]; below < rank; below += histogram[code]) code++;
  return valueOf(code);
}

function ramp() {
  const anchors = COLOURS[$("colours").value].split(" ").map((hex) => parseInt(hex, 16));
  return (t) => {
    const at = Math.max(0, Math.min(1, t)) * (anchors.length - 1);
    const [one, other] = [anchors[Math.floor(at)], anchors[Math.ceil(at)]];
    const mix = (shift) => {
      const [a, b] = [(one >> shift) & 255, (other >> shift) & 255];
      return Math.round(a + (b - a) * (at - Math.floor(at)));
    };
    return (0xff000000 | (mix(0) << 16) | (mix(8) << 8) | mix(16)) >>> 0;
  };
}

function drawPreview() {
  const run = view.document && view.document.run;
  if (!run) return;
  const size = fit(run);
  const context = prepared($("preview"), size);
  const { canvas, canvases, range } = pictureOf(run);
  $("preview").classList.toggle("assembled", Boolean(assembled(run)));
  $("preview-none").hidden = Boolean(canvas || assembled(run));
  setText("preview-none", run.done ? "No preview of this panel." : "The first tile is not done yet.");
  $("preview").setAttribute("aria-label", range
    ? `Image so far, from ${range.low.toPrecision(2)} to ${range.high.toPrecision(2)} photons a pixel`
    : "Image so far: no photons");
  drawScale(range);
  if (assembled(run)) return drawAllPreviews(context, run, size, canvases);
  if (!canvas) return;
  const [slow, fast, factor] = run.preview;
  context.imageSmoothingEnabled = size.width < fast;
  context.drawImage(canvas, 0, 0,
    (size.width * fast * factor) / run.shape[3], (size.height * slow * factor) / run.shape[2]);
  drawCursor(context, cellOf(run, size));
}

// made anew only when something has changed: it is drawn whenever the pointer moves
function pictureOf(run) {
  const key = [view.shown, view.version, $("colours").value, $("decades").value].join();
  if (view.picture.key !== key) {
    const range = view.codes && rangeOf(view.codes);
    const [slow, fast] = run.preview;
    const table = view.codes && tableOf(range);
    const drawn = (codes) => pixels(fast, slow, mapped(codes, table));
    const one = (_, at) => drawn(view.codes.subarray(at * slow * fast, (at + 1) * slow * fast));
    const canvases = view.codes && assembled(run) && Array.from({ length: run.shape[1] }, one);
    view.picture = { key, range, canvases, canvas: !canvases && view.codes && drawn(view.codes) };
  }
  return view.picture;
}

// the colour of every code; 0, nothing known, is transparent, and 1 is no photons
function tableOf(range) {
  const paint = ramp();
  const table = new Uint32Array(CODES).fill(paint(0));
  table[0] = 0;
  if (!range) return table;
  const floor = Math.log(range.low);
  const span = Math.log(range.high) - floor;
  for (let code = 2; code < CODES; code++)
    table[code] = paint((Math.log(valueOf(code)) - floor) / span);
  return table;
}

function ticks(range) {
  const [low, high] = [Math.log10(range.low), Math.log10(range.high)];
  const step = Math.max(1, Math.ceil((high - low) / 8));
  const digits = high - low < 3 ? [1, 2, 5] : [1];
  const found = [];
  for (let power = Math.floor(low); power <= high; power += step)
    for (const digit of digits) {
      const label = `${digit === 1 ? "" : `${digit}·`}10${superscript(power)}`;
      found.push([digit * 10 ** power, label]);
    }
  return found.filter(([value]) => value >= range.low && value <= range.high);
}

function drawScale(range) {
  const size = { width: $("preview-stage").clientWidth, height: 36 };
  const context = prepared($("scale"), size);
  $("scale").setAttribute("aria-label", range
    ? `Logarithmic colour scale from ${range.low.toPrecision(2)} to ${range.high.toPrecision(2)} photons a pixel`
    : "No colour scale yet");
  if (!range) return;
  const paint = ramp();
  const left = 20;
  const width = size.width - 130;
  context.drawImage(pixels(256, 1, Uint32Array.from({ length: 256 }, (_, i) => paint(i / 255))),
    left, 1, width, 12);
  context.font = "12px system-ui, Arial, sans-serif";
  context.fillStyle = context.strokeStyle = colour("--soft");
  context.textAlign = "center";
  context.beginPath();
  for (const [value, label] of ticks(range)) {
    const x = left + (width * Math.log(value / range.low)) / Math.log(range.high / range.low);
    line(context, x, 13, x, 17);
    context.fillText(label, x, 30);
  }
  context.stroke();
  context.textAlign = "left";
  context.fillText("photons/pixel", left + width + 12, 12);
}

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
  const only = single ? { row: 0, column: 0 } : null;
  if (!run || !view.states || !(view.cursor || only)) return;
  const { row, column, slow, fast } = view.cursor || only;
  const place = row * run.grid[1] + column;
  const part = partsShown(run).find(([at]) => at === place);
  const count = run.grid[0] * run.grid[1];
  const start = assembled(run) ? groupOf(run)[1] * count : 0;
  const state = stateName(view.states[start + place]) + (part ? `, ${percent(part[1], 1)} done` : "");
  let text = `${tileName(run, row, column)} · ${state}`;
  const panel = assembled(run) ? view.cursor.panel : 0;
  if (assembled(run)) text = `panel ${panel}, ${assembled(run).panels[panel].name} · ${text}`;
  if (slow !== undefined && view.codes) {
    const factor = run.preview[2];
    const before = panel * run.preview[0] * run.preview[1];
    const code = view.codes[before + Math.floor(slow / factor) * run.preview[1] + Math.floor(fast / factor)];
    text += ` · slow ${slow}, fast ${fast}`;
    if (code) text += ` · ${factor > 1 ? "up to " : ""}${Number(valueOf(code).toPrecision(2))} photons`;
  }
  setText("readout", text);
}

// What the user does

function pointAt(event) {
  const run = view.document && view.document.run;
  if (!run) return;
  const box = event.target.getBoundingClientRect();
  const tileAt = (pixel) => ({ ...pixel,
    row: Math.floor(pixel.slow / run.tile[2]), column: Math.floor(pixel.fast / run.tile[3]) });
  if (assembled(run)) {
    const [rows, columns] = assembled(run).shape;
    const found = pixelAt(run, (rows * (event.clientY - box.top)) / box.height,
      (columns * (event.clientX - box.left)) / box.width);
    if (found) moveTo(tileAt(found));
    return;
  }
  const at = (offset, side, size) => Math.max(0, Math.min(size - 1, Math.floor((offset / side) * size)));
  const slow = at(event.clientY - box.top, box.height, run.shape[2]);
  const fast = at(event.clientX - box.left, box.width, run.shape[3]);
  moveTo(tileAt({ panel: view.panel, slow, fast }));
}

function moveTo(cursor) {
  const moved = !view.cursor || !cursor ||
    ["panel", "row", "column"].some((name) => view.cursor[name] !== cursor[name]);
  view.cursor = cursor;
  showReadout();
  if (moved) {
    drawMap();
    drawPreview();
  }
}

function onKey(event) {
  const run = view.document && view.document.run;
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!run || !step) return;
  event.preventDefault();
  const here = view.cursor || { panel: view.panel, row: 0, column: 0 };
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
  const query = { run: run.run_id, frame: view.frame, panel: assembled(run) ? "all" : view.panel };
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
  for (const part of [showTitle, showProgress, showWorkers, showFactors, showFailures]) part(run);
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
  for (const name of Object.keys(COLOURS)) $("colours").append(new Option(name, name));
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
  $("follow").addEventListener("change", () => { view.follow = $("follow").checked; chosen(); });
  $("copy").addEventListener("click", copyPath);
  $("colours").addEventListener("change", drawPreview);
  $("decades").addEventListener("change", drawPreview);
  $("map").addEventListener("keydown", onKey);
  for (const id of ["map", "preview"]) $(id).addEventListener("pointermove", pointAt);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("resize", redraw);
}

if (asked.has("frame")) choose(asked.get("frame"), asked.get("panel"), false);
listen();
live();
