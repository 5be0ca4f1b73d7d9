/* Live topics: replay by sequence number over one WebSocket, polling the same rows when it cannot be had.
   A lost message costs a delay, never a row: each subscription names the last `seq` it has. */

const POLL_MS = 5000;
/* The server tells its beat; until then a silence this long is suspicious. */
const QUIET_MS = 15000;
const MOST_BATCHES = 200;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15000;

export class LiveConnection {
  #topics = new Map();
  #socket = null;
  #retry = FIRST_RETRY_MS;
  #polling = null;
  #retrying = null;
  #quiet = null;
  #failedAt = null;
  #silence = QUIET_MS;
  #status = { state: "connecting" };

  /** `url` of the socket ("" to poll only), `replay` path of the poll twin; the rest is replaced in tests. */
  constructor({ url, replay = "/live/replay", Socket = globalThis.WebSocket, fetch = globalThis.fetch.bind(globalThis), now = () => Date.now(), later = (work, ms) => setTimeout(work, ms), cancel = (timer) => clearTimeout(timer) }) {
    Object.assign(this, { url, replay, Socket, fetch, now, later, cancel });
  }

  /** Rows of `topic` after `after`, in order, each once. Returns the function that ends it. */
  follow(topic, after, onRows, onStatus = () => {}) {
    const known = this.#topics.get(topic);
    const listener = { onRows, onStatus };
    if (known && after >= known.after) {
      known.listeners.add(listener);
    } else if (known) {
      // An older start than the shared one: ask again from there; listeners drop what they have.
      known.after = after;
      known.listeners.add(listener);
      this.#subscribe(topic);
    } else {
      this.#topics.set(topic, { after, listeners: new Set([listener]) });
      if (this.#socket?.readyState === 1) this.#subscribe(topic);
      else this.#connect();
    }
    listener.after = after;
    onStatus(this.#status);
    return () => {
      const entry = this.#topics.get(topic);
      entry?.listeners.delete(listener);
      if (entry && !entry.listeners.size) {
        this.#topics.delete(topic);
        if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify({ unsubscribe: topic }));
      }
      if (!this.#topics.size) this.close();
    };
  }

  close() {
    for (const timer of [this.#polling, this.#retrying, this.#quiet]) this.cancel(timer);
    this.#polling = this.#retrying = this.#quiet = null;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #connect() {
    if (this.#socket || !this.#topics.size) return;
    if (!this.url || !this.Socket) {
      this.#startPolling();
      return;
    }
    let socket;
    try {
      socket = new this.Socket(this.url);
    } catch {
      this.#startPolling();
      return;
    }
    this.#socket = socket;
    socket.onopen = () => {
      this.#retry = FIRST_RETRY_MS;
      this.cancel(this.#polling);
      this.#polling = null;
      this.#failedAt = null;
      for (const topic of this.#topics.keys()) this.#subscribe(topic);
      this.#tell({ state: "live" });
      this.#listenForSilence();
    };
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.beat) this.#silence = message.beat * 2000 + 2000;
      this.#listenForSilence();
      if (this.#status.state !== "live") this.#tell({ state: "live" });
      if (message.error && message.topic) this.#refuse(message.topic);
      else if (message.topic) this.#deliver(message.topic, message.seq, message.rows ?? []);
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.cancel(this.#quiet);
      this.#startPolling();
      this.#retrying = this.later(() => this.#connect(), this.#retry * (0.75 + Math.random() / 2));
      this.#retry = Math.min(this.#retry * 2, LAST_RETRY_MS);
    };
  }

  #subscribe(topic) {
    const entry = this.#topics.get(topic);
    if (entry && this.#socket?.readyState === 1) {
      this.#socket.send(JSON.stringify({ subscribe: topic, after: entry.after }));
    }
  }

  /** A half-open connection looks alive: after a silence, ask once; news that the socket kept back means it is dead. */
  #listenForSilence() {
    this.cancel(this.#quiet);
    this.#quiet = this.later(async () => {
      this.#tell({ state: "delayed", seconds: this.#silence / 1000 });
      const missed = await this.#pollAll();
      if (missed && this.#socket) {
        const socket = this.#socket;
        this.#socket = null;
        socket.onclose = null;
        socket.close();
        this.#connect();
      } else if (this.#socket) {
        this.#listenForSilence();
      }
    }, this.#silence);
  }

  #startPolling() {
    if (this.#polling !== null || !this.#topics.size) return;
    const turn = async () => {
      await this.#pollAll();
      if (this.#socket?.readyState === 1 || !this.#topics.size || this.#polling === null) return;
      this.#tell(
        this.#failedAt === null
          ? { state: "delayed", seconds: POLL_MS / 1000 }
          : { state: "offline", since: new Date(this.#failedAt) },
      );
      this.#polling = this.later(turn, POLL_MS);
    };
    this.#polling = this.later(turn, 0);
  }

  /** Ask the replay address for every topic; returns how many rows came. */
  async #pollAll() {
    let count = 0;
    for (const [topic, entry] of [...this.#topics]) {
      try {
        count += await this.#pollTopic(topic, entry);
        this.#failedAt = null;
      } catch {
        this.#failedAt ??= this.now();
      }
    }
    return count;
  }

  /** The server gives a long topic in batches: ask until nothing is new. */
  async #pollTopic(topic, entry) {
    let count = 0;
    for (let batch = 0; batch < MOST_BATCHES; batch++) {
      const before = entry.after;
      const query = new URLSearchParams({ topic, after: before });
      const answer = await this.fetch(`${this.replay}?${query}`, { headers: { Accept: "application/json" } });
      if ([401, 403, 404].includes(answer.status)) {
        this.#refuse(topic);
        return count;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const { seq, rows } = await answer.json();
      count += this.#deliver(topic, seq, rows ?? []);
      if (!rows?.length || entry.after === before) return count;
    }
    return count;
  }

  #deliver(topic, seq, rows) {
    const entry = this.#topics.get(topic);
    if (!entry) return 0;
    let fresh = 0;
    for (const listener of entry.listeners) {
      const news = rows.filter((row) => row.seq > listener.after);
      if (!news.length) continue;
      fresh = Math.max(fresh, news.length);
      listener.after = news.at(-1).seq;
      listener.onRows(news);
    }
    entry.after = Math.max(entry.after, seq ?? 0, rows.at(-1)?.seq ?? 0);
    return fresh;
  }

  #refuse(topic) {
    for (const listener of this.#topics.get(topic)?.listeners ?? []) listener.onStatus({ state: "refused" });
    this.#topics.delete(topic);
  }

  #tell(status) {
    this.#status = status;
    for (const entry of this.#topics.values()) for (const listener of entry.listeners) listener.onStatus(status);
  }
}

/** The address of the live process: as told by the server, else this host on its port. */
export const liveAddress = (liveUrl, livePort, where = globalThis.location) => {
  if (liveUrl) return /^wss?:/.test(liveUrl) ? liveUrl : `${where.protocol === "https:" ? "wss" : "ws"}://${where.host}${liveUrl}`;
  if (!livePort) return "";
  return `${where.protocol === "https:" ? "wss" : "ws"}://${where.hostname}:${livePort}/ws`;
};
