// A tile's sidecar, and the scaling chain of a pixel, as people read them.

import { bytes, element, facts, grouped, list, number, seconds } from "./text.js";

// what the rows of a chain mean; others are shown by their names
const MEANINGS = {
  hkl_frac: "h, k, l at the pixel", hkl_rounded: "nearest reflection", F_cell: "structure factor",
  F_latt_a: "lattice factor along a", F_latt_b: "along b", F_latt_c: "along c", F_latt: "lattice factor",
  I_before_scaling: "sum of F_cell² · F_latt²", r_e_sqr: "electron radius, squared",
  fluence_photons_per_m2: "photons of the beam", steps: "terms of the sum", polar: "polarization factor",
  omega_pixel: "solid angle of the pixel", capture_fraction: "share that the sensor absorbs",
  crystal_share: "share of this crystal", other_crystals_photons: "photons of the other crystals",
  diffuse_photons: "photons scattered diffusely", background_photons: "photons of the background",
  I_pixel_final: "photons in all", floatimage_accumulated: "as it is stored",
  pixel_pos_meters: "where the pixel is", R_distance_meters: "from the sample", diffracted_vec: "direction of the ray",
  incident_vec: "direction of the beam", lambda_angstroms: "wavelength", scattering_vec_A_inv: "scattering vector",
  cos_2theta: "cos 2θ", obliquity_factor: "obliquity",
};
// in this order; what else there is follows when it is asked for
const FIRST = [
  "hkl_frac", "hkl_rounded", "F_cell", "F_latt_a", "F_latt_b", "F_latt_c", "F_latt", "I_before_scaling", "r_e_sqr",
  "fluence_photons_per_m2", "polar", "omega_pixel", "capture_fraction", "crystal_share", "steps",
  "other_crystals_photons", "diffuse_photons", "background_photons", "I_pixel_final", "floatimage_accumulated",
];
const SCALING = ["I_before_scaling", "r_e_sqr", "fluence_photons_per_m2", "polar", "omega_pixel", "capture_fraction", "crystal_share"];

const range = ([first, stop]) => (stop - first === 1 ? `${first}` : `${first} – ${stop - 1}`);

// where a pixel is, as far as its tile leaves that open
function placeOf([frame, panel, slow, fast], tile, names) {
  const several = ([first, stop]) => stop - first > 1;
  return [...(several(tile.frames) ? [`frame ${frame}`] : []), ...(several(tile.panels) ? [`panel ${names[panel] ?? panel}`] : []), `slow ${slow}, fast ${fast}`].join(", ");
}

// `names` are those of the panels
export function tileFacts(sidecar, names) {
  const { tile, worker, computation, time, memory, evaluations, image, counts } = sidecar;
  const stages = Object.entries(time.seconds || {}).sort((one, other) => other[1] - one[1]);
  const total = stages.reduce((sum, [, value]) => sum + value, 0);
  const looked = sidecar.structure_factor_lookups;
  const missed = looked && [["not given", "absent"], ["absent by symmetry", "forbidden"], ["given as 0", "zero"], ["outside the ranges", "out_of_range"]]
    .filter(([, name]) => looked[name]).map(([words, name]) => `${grouped(looked[name])} ${words}`);
  const made = element("dl", undefined, "facts");
  made.append(...facts([
    ["tile", tile.id],
    ["pixels", `slow ${range(tile.slow)}, fast ${range(tile.fast)}`, `frame ${range(tile.frames)}, panel ${range(tile.panels)}`],
    ["sum", `${number(image.sum)} photons`, `mean ${number(image.mean, 4)}`],
    ["brightest", `${number(image.max)} photons`, image.max_at ? `at ${placeOf(image.max_at, tile, names)}` : ""],
    ["counts", counts ? `sum ${number(counts.sum)} ADU` : "", counts ? `largest ${number(counts.max)}, ${grouped(counts.overloads)} overloads` : ""],
    ["look-ups of F", looked ? `${grouped(looked.in_range)} found one` : "", looked ? [...missed, ...(looked.counted === "sampled" ? ["of a sample"] : [])].join(", ") : ""],
    ["evaluations", evaluations ? grouped(evaluations.done ?? 0) : "", evaluations && evaluations.planned ? `of ${grouped(evaluations.planned)} planned` : ""],
    ["computed", (time.start || "").replace("T", " ").slice(0, 19), worker ? `on ${worker.host || worker.name || ""}, attempt ${worker.attempt ?? 1}` : ""],
    ["kernel", computation ? computation.kernel : "", computation ? [computation.precision, computation.device].filter(Boolean).join(", ") : ""],
    ["time", stages.length ? seconds(total) : "", stages.slice(0, 4).map(([name, value]) => `${name} ${seconds(value)}`).join(", ")],
    ["memory", memory && memory.peak ? bytes(memory.peak) : "", memory && memory.predicted ? `promised ${bytes(memory.predicted)}` : ""],
  ]));
  return made;
}

function product(values) {
  const there = SCALING.filter((name) => typeof values[name] === "number");
  if (!there.includes("I_before_scaling") || typeof values.steps !== "number") return null;
  const made = element("p", undefined, "product");
  const factors = there.map((name) => `${number(values[name], 5)} ${name}`).join(" × ");
  const photons = there.reduce((result, name) => result * values[name], 1) / values.steps;
  made.textContent = `${number(photons, 7)} photons of the crystal = ${factors} ÷ ${number(values.steps)} steps`;
  return made;
}

function row(name, value, unit) {
  const made = element("tr");
  const head = element("th", MEANINGS[name] || name);
  head.scope = "row";
  if (MEANINGS[name]) head.append(element("small", name));
  const shown = Array.isArray(value) ? list(value, 7) : typeof value === "number" ? number(value, 8) : String(value);
  const cell = element("td", unit && unit !== "1" ? `${shown} ${unit}` : shown);
  cell.title = Array.isArray(value) ? value.join(" ") : String(value);
  made.append(head, cell);
  return made;
}

function table(values, names, units) {
  const made = element("table");
  const body = element("tbody");
  body.append(...names.map((name) => row(name, values[name], units[name])));
  made.append(body);
  return made;
}

// elements that show a chain: its product, its rows, and all others folded away
export function chain(values, units) {
  const first = FIRST.filter((name) => name in values);
  const rest = Object.keys(values).filter((name) => !first.includes(name));
  const made = [product(values), table(values, first, units)];
  if (rest.length) {
    const more = element("details");
    more.append(element("summary", `${rest.length} more: where the pixel and the crystal stand`), table(values, rest, units));
    made.push(more);
  }
  return made.filter(Boolean);
}
