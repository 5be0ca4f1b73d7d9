import assert from "node:assert/strict";
import { test } from "node:test";
import { PART, UploadRefused, faultOf, upload } from "../js/lib/upload.js";

const answer = (status, body) => ({ ok: status < 400, status, json: async () => body });

/* A server that keeps an offset; `trouble` may break single requests. */
const server = ({ size, received = 0, trouble = () => null }) => {
  const state = { received, calls: [] };
  state.send = async (url, { method = "GET", body } = {}) => {
    const call = `${method} ${url}`;
    state.calls.push(call);
    const broken = trouble(call, state);
    if (broken) return broken;
    if (method === "POST" && url === "/api/v1/uploads") return answer(201, { id: "u1", url: "/api/v1/uploads/u1", received: 0 });
    if (method === "PUT") {
      state.received = Number(url.split("offset=")[1]) + body.length;
      return answer(200, { received: state.received });
    }
    if (url.endsWith("/complete")) return answer(200, { id: "u1" });
    return answer(200, { id: "u1", size, received: state.received });
  };
  return state;
};

const file = (size) => ({ name: "a.csv", size, slice: (from, to) => ({ length: to - from }) });
const wait = async () => {};

test("parts go in order, with progress, and the upload is completed", async () => {
  const size = PART * 2 + 5;
  const s = server({ size });
  const seen = [];

  const done = await upload({ createUrl: "/api/v1/uploads", file: file(size), send: s.send, wait, progress: (n) => seen.push(n) });

  assert.equal(done.id, "u1");
  assert.deepEqual(seen, [0, PART, PART * 2, size]);
  assert.equal(s.calls.at(-1), "POST /api/v1/uploads/u1/complete");
});

test("a known upload goes on where the server stands", async () => {
  const size = PART * 2;
  const s = server({ size, received: PART });

  await upload({ createUrl: "/api/v1/uploads", file: file(size), send: s.send, wait, known: "/api/v1/uploads/u1" });

  assert.equal(s.calls.filter((call) => call.startsWith("PUT")).length, 1);
  assert.ok(!s.calls.includes("POST /api/v1/uploads"));
});

test("an upload that the server no longer knows starts again", async () => {
  const s = server({ size: 10, trouble: (call) => (call === "GET /api/v1/uploads/old" ? answer(404, {}) : null) });

  const done = await upload({ createUrl: "/api/v1/uploads", file: file(10), send: s.send, wait, known: "/api/v1/uploads/old" });

  assert.equal(done.id, "u1");
});

test("a lost connection is tried again from the server's offset", async () => {
  let lost = 2;
  const s = server({ size: 10, trouble: (call) => { if (call.startsWith("PUT") && lost-- > 0) throw new TypeError("network"); return null; } });

  await upload({ createUrl: "/api/v1/uploads", file: file(10), send: s.send, wait });

  assert.equal(s.received, 10);
});

test("a refusal ends it with the server's words", async () => {
  const s = server({ size: 10, trouble: (call) => (call.startsWith("PUT") ? answer(413, { detail: "At most 2 GiB." }) : null) });

  await assert.rejects(upload({ createUrl: "/api/v1/uploads", file: file(10), send: s.send, wait }), (problem) => problem instanceof UploadRefused && problem.message === "At most 2 GiB.");
});

test("a refused file says where: line, column and the lines around", () => {
  const item = { code: "RAGGED", message: "Line 3 has 1 field.", line: 3, column: 1, lines: [[1, "a,b"], [3, "3"]] };

  assert.deepEqual(faultOf(new UploadRefused(400, { items: [item] })), {
    place: "Line 3, column 1",
    lines: [{ number: 1, text: "a,b", bad: false }, { number: 3, text: "3", bad: true }],
  });
  assert.equal(faultOf(new UploadRefused(400, { items: [{ code: "COMPRESSED", message: "", line: null, lines: [] }] })), null);
  assert.equal(faultOf(new TypeError("lost")), null);
});
