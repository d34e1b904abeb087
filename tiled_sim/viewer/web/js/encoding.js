// Tiles from bytes: see tiled_sim/viewer/encoding.py.

// what zlib deflated
export function inflated(bytes) {
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")));
}

export async function decode(buffer) {
  const bytes = new Uint8Array(buffer);
  const sorted = new Uint8Array(await inflated(bytes.subarray(1)).arrayBuffer());
  const count = sorted.length / 4;
  const words = new Uint32Array(count);
  for (let at = 0; at < count; at++)
    words[at] = sorted[at] | (sorted[at + count] << 8) | (sorted[at + 2 * count] << 16) | (sorted[at + 3 * count] << 24);
  return bytes[0] === 0x69 ? new Int32Array(words.buffer) : new Float32Array(words.buffer);
}
