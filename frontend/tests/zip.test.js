import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32, isMade, zip } from "../js/lib/zip.js";

const bytes = (text) => new TextEncoder().encode(text);
const joined = (parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));

test("the checksum is the one that zip has", () => {
  assert.equal(crc32(bytes("123456789")), 0xcbf43926);
});

test("the same files give the same bytes in whatever order they come", () => {
  const one = { path: "code/train.py", bytes: bytes("print(1)\n") }, two = { path: "code/été.txt", bytes: bytes("") };

  const made = joined(zip([one, two]));

  assert.deepEqual(made, joined(zip([two, one])));
  assert.equal(made.readUInt32LE(made.length - 22), 0x06054b50);
  assert.equal(made.readUInt16LE(made.length - 12), 2);
  assert.ok(made.includes("code/été.txt"));
});

test("what tools make stays at home", () => {
  assert.ok(isMade("code/.git/config"));
  assert.ok(isMade("code/a/__pycache__/x.pyc"));
  assert.ok(!isMade("code/gitter/train.py"));
});
