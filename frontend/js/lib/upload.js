/* Upload in parts, resumable by offset: create, PUT parts, complete. No DOM; `send` and `wait` are replaced in tests. */
export const PART = 8 * 1024 * 1024;
const TRIES = 6;

export class UploadRefused extends Error {
  constructor(status, problem) {
    super(problem?.detail || "The server refused the upload.");
    this.status = status;
    this.problem = problem;
  }
}

/** Where in the file a refusal points: a phrase for line and column, and the lines around it; null without a place. */
export const faultOf = (problem) => {
  const found = problem?.problem?.items?.[0];
  if (!found || (!found.line && !found.lines?.length)) return null;
  const words = [["Line", found.line], ["column", found.column]].filter(([, number]) => number);
  return {
    place: words.map(([word, number]) => `${word} ${number}`).join(", "),
    lines: (found.lines ?? []).map(([number, text]) => ({ number, text, bad: number === found.line })),
  };
};

const read = async (answer) => {
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new UploadRefused(answer.status, body);
  return body;
};

/** Sends `file`; `progress(received, size)` after each part; `pause()` may give a promise to wait for; `signal` ends it. */
export const upload = async ({ createUrl, file, purpose = "", headers = {}, send = fetch, progress = () => {}, pause = () => null, signal = null, known = null, remember = () => {}, wait = (ms) => new Promise((done) => setTimeout(done, ms)) }) => {
  const json = { ...headers, "Content-Type": "application/json", Accept: "application/json" };
  let state = known ? await read(await send(known, { headers: { Accept: "application/json" }, signal })).catch(() => null) : null;
  state = state && state.size === file.size ? { url: known, ...state } : null;
  state ??= await read(await send(createUrl, { method: "POST", headers: json, body: JSON.stringify({ name: file.name, size: file.size, purpose }), signal }));
  remember(state.url);
  let received = state.received ?? 0;
  let failures = 0;
  progress(received, file.size);
  while (received < file.size) {
    await pause();
    const end = Math.min(received + PART, file.size);
    try {
      const answer = await send(`${state.url}/parts?offset=${received}`, { method: "PUT", headers: { ...headers, "Content-Type": "application/octet-stream", Accept: "application/json" }, body: file.slice(received, end), signal });
      const body = await read(answer);
      received = body.received;
      failures = 0;
    } catch (problem) {
      const lasting = problem instanceof UploadRefused && problem.status < 500 && ![408, 409, 429].includes(problem.status);
      if (problem.name === "AbortError" || lasting || ++failures >= TRIES) throw problem;
      await wait(Math.min(500 * 2 ** failures, 10000));
      // The server knows best what it has.
      const now = await read(await send(state.url, { headers: { Accept: "application/json" }, signal })).catch(() => null);
      if (now) received = now.received;
    }
    progress(received, file.size);
  }
  const done = await read(await send(`${state.url}/complete`, { method: "POST", headers: json, body: "{}", signal }));
  remember(null);
  return { ...done, id: done.id ?? state.id, url: state.url };
};
