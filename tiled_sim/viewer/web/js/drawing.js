// Small things that are drawn on a canvas.

let pattern = null;

// what stands for pixels that are not computed
export function hatch(context, dense) {
  if (pattern && pattern.dense === dense) return pattern.made;
  const side = Math.round(10 * dense);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const drawn = canvas.getContext("2d");
  drawn.fillStyle = "#9db8d6";
  drawn.fillRect(0, 0, side, side);
  drawn.strokeStyle = "#7795b8";
  drawn.lineWidth = side / 5;
  drawn.beginPath();
  for (const shift of [-side, 0, side]) {
    drawn.moveTo(shift, side);
    drawn.lineTo(shift + side, 0);
  }
  drawn.stroke();
  pattern = { dense, made: context.createPattern(canvas, "repeat") };
  return pattern.made;
}

// a line through [x, y] points, added to the path
export function lineOf(context, points) {
  points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
}

// text that can be read on anything
export function writeText(context, text, x, y, { size, fill }) {
  context.font = `${size}px system-ui, "Segoe UI", Arial, sans-serif`;
  context.lineWidth = size / 4;
  context.lineJoin = "round";
  context.strokeStyle = "rgb(0 0 0 / 85%)";
  context.strokeText(text, x, y);
  context.fillStyle = fill;
  context.fillText(text, x, y);
}
