// Numbers and elements as people read them. Every string goes into the page as text, never as markup.

export const $ = (id) => document.getElementById(id);

export function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

const SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹";

// 1.23·10⁻⁵; plain between 0.001 and a million
export function number(value, digits = 6) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e12) return grouped(value);
  if (size >= 1e-3 && size < 1e7) return String(Number(value.toPrecision(digits))).replace("-", "−");
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  const raised = String(Number(power)).replace("-", "⁻").replace(/\d/g, (digit) => SUPERSCRIPT[digit]);
  return `${String(Number(mantissa)).replace("-", "−")}·10${raised}`;
}

export function signed(value) {
  return value < 0 ? `−${-value}` : `${value}`;
}

export function grouped(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f").replace("-", "−");
}

// a float32 in as few digits as tell it from its neighbours
export function exact(value) {
  if (!Number.isFinite(value) || Number.isInteger(value)) return number(value);
  for (let digits = 6; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return number(short, digits);
  }
  return number(value, 9);
}

export function list(values, digits) {
  return values.map((value) => (typeof value === "number" ? number(value, digits) : String(value))).join(", ");
}

// [name, text] as terms of a list; empty ones are left out
export function facts(rows) {
  return rows.filter(([, value]) => value !== null && value !== undefined && value !== "").flatMap(([name, value, note, className]) => {
    const shown = element("dd", value, className);
    if (note) shown.append(" ", element("small", note));
    return [element("dt", name), shown];
  });
}

export function seconds(value) {
  if (value < 1) return `${number(1000 * value, 3)} ms`;
  return value < 120 ? `${number(value, 3)} s` : `${number(value / 60, 3)} min`;
}

export function bytes(value) {
  return value >= 2 ** 30 ? `${number(value / 2 ** 30, 3)} GiB` : `${number(value / 2 ** 20, 3)} MiB`;
}
