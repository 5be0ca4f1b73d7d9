import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveConnection, liveAddress } from "../js/lib/socket.js";

/* A clock that only moves when told, a socket and a replay address that remember what was asked. */
const world = ({ rows = [], refuse = false, offline = false, url = "ws://x/ws" } = {}) => {
  const state = { rows, refuse, offline, timers: [], sockets: [], polls: [], at: 0 };
  class Socket {
    readyState = 0;
    sent = [];
    constructor() { state.sockets.push(this); }
    send(text) { this.sent.push(JSON.parse(text)); }
    close() { this.readyState = 3; this.onclose?.(); }
    open() { this.readyState = 1; this.onopen(); }
    say(message) { this.onmessage({ data: JSON.stringify(message) }); }
  }
  const fetch = async (address) => {
    state.polls.push(address);
    if (state.offline) throw new TypeError("network");
    if (state.refuse) return { ok: false, status: 404 };
    const after = Number(new URL(address, "http://x").searchParams.get("after"));
    const fresh = state.rows.filter((row) => row.seq > after).slice(0, 2);
    return { ok: true, status: 200, json: async () => ({ seq: fresh.at(-1)?.seq ?? after, rows: fresh }) };
  };
  const later = (action, ms) => { const timer = { action, at: state.at + ms }; state.timers.push(timer); return timer; };
  const cancel = (timer) => { state.timers = state.timers.filter((one) => one !== timer); };
  state.pass = async (ms) => {
    const end = state.at + ms;
    for (;;) {
      const due = state.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      state.timers = state.timers.filter((timer) => timer !== due);
      state.at = Math.max(state.at, due.at);
      await due.action();
      for (let i = 0; i < 30; i++) await Promise.resolve();
    }
    state.at = end;
  };
  state.live = new LiveConnection({ url, Socket, fetch, now: () => state.at, later, cancel });
  return state;
};

const follower = () => {
  const told = { rows: [], states: [] };
  return [told, (rows) => told.rows.push(...rows.map((row) => row.seq)), (status) => told.states.push(status.state)];
};

test("it subscribes with the last seq it has and hands each row over once", () => {
  const w = world();
  const [told, onRows, onStatus] = follower();
  w.live.follow("job.1", 7, onRows, onStatus);
  w.sockets[0].open();

  w.sockets[0].say({ topic: "job.1", seq: 9, rows: [{ seq: 7 }, { seq: 8 }, { seq: 9 }] });
  w.sockets[0].say({ topic: "job.1", seq: 10, rows: [{ seq: 9 }, { seq: 10 }] });

  assert.deepEqual(w.sockets[0].sent, [{ subscribe: "job.1", after: 7 }]);
  assert.deepEqual(told.rows, [8, 9, 10]);
  assert.equal(told.states.at(-1), "live");
});

test("after a loss it polls at once, connects again and goes on where it stood", async () => {
  const w = world({ rows: [{ seq: 1 }, { seq: 2 }, { seq: 3 }] });
  const [told, onRows, onStatus] = follower();
  w.live.follow("job.1", 0, onRows, onStatus);
  w.sockets[0].open();
  w.sockets[0].say({ topic: "job.1", seq: 1, rows: [{ seq: 1 }] });
  w.sockets[0].close();

  await w.pass(1);
  assert.deepEqual(told.rows, [1, 2, 3]);
  assert.equal(told.states.at(-1), "delayed");
  await w.pass(2000);
  w.sockets[1].open();

  assert.deepEqual(w.sockets[1].sent, [{ subscribe: "job.1", after: 3 }]);
  assert.equal(told.states.at(-1), "live");
});

test("a long topic comes in batches until nothing is new", async () => {
  const w = world({ url: "", rows: [1, 2, 3, 4, 5].map((seq) => ({ seq })) });
  const [told, onRows, onStatus] = follower();
  w.live.follow("job.1", 0, onRows, onStatus);

  await w.pass(1);

  assert.deepEqual(told.rows, [1, 2, 3, 4, 5]);
});

test("without network it says since when, and recovers", async () => {
  const w = world({ url: "", offline: true });
  const [told, onRows, onStatus] = follower();
  w.live.follow("job.1", 0, onRows, onStatus);

  await w.pass(1);
  assert.equal(told.states.at(-1), "offline");
  w.offline = false;
  w.rows.push({ seq: 1 });
  await w.pass(5000);

  assert.deepEqual(told.rows, [1]);
  assert.equal(told.states.at(-1), "delayed");
});

test("a silent socket is suspected: rows that it kept back make a new connection", async () => {
  const w = world({ rows: [] });
  const [told, onRows, onStatus] = follower();
  w.live.follow("job.1", 0, onRows, onStatus);
  w.sockets[0].open();
  w.sockets[0].say({ beat: 5 });
  w.rows.push({ seq: 1 });

  await w.pass(12500);

  assert.deepEqual(told.rows, [1]);
  assert.equal(w.sockets.length, 2);
});

test("a beat keeps the connection live without asking", async () => {
  const w = world();
  const [told, onRows, onStatus] = follower();
  w.live.follow("job.1", 0, onRows, onStatus);
  w.sockets[0].open();
  for (let i = 0; i < 5; i++) {
    w.sockets[0].say({ beat: 5 });
    await w.pass(5000);
  }

  assert.equal(w.polls.length, 0);
  assert.equal(told.states.at(-1), "live");
});

test("two listeners of one topic share the connection; the later and older one gets all", () => {
  const w = world();
  const [late, lateRows] = follower();
  const [all, allRows] = follower();
  w.live.follow("job.1", 5, lateRows);
  w.sockets[0].open();
  w.live.follow("job.1", 0, allRows);

  w.sockets[0].say({ topic: "job.1", seq: 6, rows: [{ seq: 4 }, { seq: 5 }, { seq: 6 }] });

  assert.deepEqual(w.sockets[0].sent.at(-1), { subscribe: "job.1", after: 0 });
  assert.deepEqual(late.rows, [6]);
  assert.deepEqual(all.rows, [4, 5, 6]);
});

test("a refused topic is told and not asked again", async () => {
  const w = world({ url: "", refuse: true });
  const [told, onRows, onStatus] = follower();
  w.live.follow("job.1", 0, onRows, onStatus);

  await w.pass(30000);

  assert.equal(told.states.at(-1), "refused");
  assert.equal(w.polls.length, 1);
});

test("leaving the last topic ends the connection", () => {
  const w = world();
  const leave = w.live.follow("job.1", 0, () => {});
  w.sockets[0].open();

  leave();

  assert.equal(w.sockets[0].readyState, 3);
  assert.equal(w.timers.length, 0);
});

test("the address is the server's word, else this host on the live port", () => {
  const here = { protocol: "http:", host: "h:8000", hostname: "h" };

  assert.equal(liveAddress("", "8001", here), "ws://h:8001/ws");
  assert.equal(liveAddress("/ws", "8001", { ...here, protocol: "https:" }), "wss://h:8000/ws");
  assert.equal(liveAddress("wss://live/ws", "", here), "wss://live/ws");
  assert.equal(liveAddress("", "", here), "");
});
