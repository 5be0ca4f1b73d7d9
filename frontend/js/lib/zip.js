/* A zip archive made in the browser: files as they are, sorted, with one fixed time, so that the same folder gives the
   same bytes. */

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});
const MADE = new Set([".git", "__pycache__", ".venv", "venv", "node_modules", ".ipynb_checkpoints", ".DS_Store", ".mypy_cache", ".ruff_cache", ".pytest_cache"]);
const DATE = ((2020 - 1980) << 9) | (1 << 5) | 1;

/* CRC-32 of bytes, as zip has it. */
export function crc32(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) c = TABLE[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/* Is a path something that a tool made, which no code needs? */
export function isMade(path) {
  return path.split("/").some((part) => MADE.has(part)) || path.endsWith(".pyc");
}

function header(signature, size, fields) {
  const view = new DataView(new ArrayBuffer(size));
  view.setUint32(0, signature, true);
  for (const [at, bytes, value] of fields) view[bytes === 2 ? "setUint16" : "setUint32"](at, value, true);
  return new Uint8Array(view.buffer);
}

/* The archive of [{ path, bytes }], as a list of byte arrays. */
export function zip(files) {
  const parts = [], central = [];
  let offset = 0;
  for (const { path, bytes } of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const name = new TextEncoder().encode(path), crc = crc32(bytes);
    const common = (at) => [[at, 2, 0x800], [at + 2, 2, 0], [at + 4, 2, 0], [at + 6, 2, DATE], [at + 8, 4, crc], [at + 12, 4, bytes.length], [at + 16, 4, bytes.length], [at + 20, 2, name.length]];
    parts.push(header(0x04034b50, 30, [[4, 2, 20], ...common(6)]), name, bytes);
    central.push(header(0x02014b50, 46, [[4, 2, 0x314], [6, 2, 20], ...common(8), [38, 4, 0o100644 * 65536], [42, 4, offset]]), name);
    offset += 30 + name.length + bytes.length;
  }
  const size = central.reduce((sum, part) => sum + part.length, 0);
  const count = central.length / 2;
  return [...parts, ...central, header(0x06054b50, 22, [[8, 2, count], [10, 2, count], [12, 4, size], [16, 4, offset]])];
}
