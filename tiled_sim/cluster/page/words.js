// The words and numbers of the page.

import { $, alertWith, element, fill, legendItem, segments, setText } from "./elements.js";
import { clock, duration, grouped, percent, si } from "./format.js";
import { STATES, base } from "./view.js";

const OUTCOME = { pending: "to be tried again", given_up: "given up", recovered: "done since" };
const LOOKUPS = [
  ["in_range", "in range", "--done", "at a reflection whose structure factor is given, and not 0"],
  ["zero", "zero", "--retried", "at a reflection whose structure factor is given as 0"],
  ["absent", "absent", "--running", "within the ranges of h, k, l, but not given"],
  ["forbidden", "absent by symmetry", "--waiting", "0 by the symmetry of the space group"],
  ["out_of_range", "out of range", "--failed", "beyond the ranges of h, k, l"],
];
const STAGES = ["--done", "--running", "--retried", "--failed", "--waiting"];

export function showPages(pages) {
  fill("pages", JSON.stringify(pages), () => pages.map((page) => {
    const item = element("li");
    const link = element("a", page === "tiled-sim" ? "Tiles" : page[0].toUpperCase() + page.slice(1));
    link.href = new URL(page, new URL(base.replace(/[^/]+\/$/, ""), location.href)).pathname;
    if (page === "tiled-sim") link.setAttribute("aria-current", "page");
    item.append(link);
    return item;
  }));
}

export function showRuns(runs, run) {
  const label = (one) =>
    `${one.path.split("/").pop()} · ${one.state} · ${percent(one.done, one.tiles)}`;
  fill("runs", JSON.stringify(runs.map((one) => [one.run_id, label(one)])), () =>
    runs.map((one) => new Option(label(one), one.run_id)));
  $("runs").value = run.run_id;
}

function stateOf(run) {
  if (run.state !== "running") return run.state;
  if (run.done === run.tiles) return "finishing: making the overview levels";
  return run.stopping ? "stopping after the tiles in hand" : run.state;
}

export function showTitle(run) {
  document.title = `${percent(run.done + run.under_way, run.tiles)} ${run.path.split("/").pop()} – tiled_sim`;
  setText("path", run.path);
  setText("state", stateOf(run));
  $("state").className = `badge ${run.state}`;
  alertWith("error", run.error);
}

export function showProgress(run) {
  segments("progress", STATES.map((name) => [name, run.counts[name], `--${name}`]), run.tiles);
  $("progress").setAttribute("aria-valuenow", ((100 * (run.done + run.under_way)) / run.tiles).toFixed(1));
  const ofAll = percent(run.done + run.under_way, run.tiles) + (run.under_way ? " with parts" : "");
  const average = run.state === "running" ? "lately" : "on average";
  const facts = [
    ["Tiles done", `${grouped(run.done)}`, `of ${grouped(run.tiles)}, ${ofAll}`],
    ["Time left", ...timeLeft(run)],
    ["Elapsed", duration(run.seconds),
      run.predicted_seconds === null ? "" : `${duration(run.predicted_seconds)} predicted in all`],
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

// how long, and what that is; before the first tile it is a prediction
function timeLeft(run) {
  if (run.state !== "running") return ["–", ""];
  if (run.done === run.tiles) return ["–", "all tiles are done"];
  const until = (seconds) => `about ${clock(new Date(Date.now() + 1000 * seconds))}`;
  if (run.eta_seconds !== null) return [duration(run.eta_seconds), until(run.eta_seconds)];
  if (run.evaluations) return ["–", "nothing done lately"];
  if (run.predicted_seconds === null) return ["–", "known when something is done"];
  const left = run.predicted_seconds - run.seconds;
  if (left <= 0) return ["–", "longer than predicted"];
  return [`${duration(left)}?`, `predicted from the plan, ${until(left)}`];
}

export function showWorkers(run) {
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

export function showFactors(run) {
  const found = run.lookups;
  const total = LOOKUPS.reduce((sum, [name]) => sum + found[name], 0);
  const missed = found.absent + found.out_of_range;
  const all = found.counted === "exact" ? "All look-ups" : "A sample of the look-ups";
  const given = run.default_F ? ` Where no F is given it is ${run.default_F} electrons.` : "";
  setText("counted", total ? `${all} of the tiles that this process had computed.${given}` : "None yet.");
  const miss = `${percent(missed, total)} of the look-ups found no structure factor`;
  alertWith("miss", run.default_F || 2 * missed <= total ? "" : 10 * missed > 9 * total
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

export function showFailures(run) {
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
