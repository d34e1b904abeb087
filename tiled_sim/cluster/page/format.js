// Numbers as people read them.

export function si(value) {
  if (!(value > 0)) return "0";
  const step = Math.max(-3, Math.min(6, Math.floor(Math.log10(value) / 3)));
  const prefix = ["n", "µ", "m", "", "k", "M", "G", "T", "P", "E"][step + 3];
  return `${Number((value / 1000 ** step).toPrecision(3))}${prefix ? " " + prefix : ""}`;
}

export function grouped(count) {
  return count < 1e7 ? String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f") : si(count);
}

export function percent(part, whole) {
  if (!whole) return "0 %";
  const value = (100 * part) / whole;
  if (part === whole) return "100 %";
  return value >= 99.95 ? "99.9 %" : `${value.toFixed(value > 0 && value < 0.1 ? 2 : 1)} %`;
}

export function duration(seconds) {
  if (seconds > 0 && seconds < 0.5) return "< 1 s";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

export function clock(date) {
  const time = date.toTimeString().slice(0, 5);
  const today = date.toDateString() === new Date().toDateString();
  return today ? time : `${date.toISOString().slice(0, 10)} ${time}`;
}

export function superscript(number) {
  return String(number).replace(/./g, (digit) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(digit)]);
}
