/* The window of a long log: many lines are kept, only a part is drawn. Pure, no DOM. */
import { plain } from "./ansi.js";

export const WINDOW = 3000;
export const STEP = 1000;
export const KEPT = 100_000;
export const DROPPED = 20_000;

export class LineWindow {
  lines = [];
  from = 0;
  to = 0;

  /** Keep a line; returns nothing: what is drawn changes with `advance`. */
  push(...lines) {
    for (const line of lines) this.lines.push(line);
    // A page that is open for days keeps the newest lines; the server has the rest.
    if (this.lines.length > KEPT && this.from >= DROPPED) {
      this.lines.splice(0, DROPPED);
      this.from -= DROPPED;
      this.to -= DROPPED;
    }
  }

  get hiddenBefore() { return this.from; }
  get hiddenAfter() { return this.lines.length - this.to; }

  /** Move the end to the newest line; returns [lines to append, count to drop from the top]. */
  advance(limit = Infinity) {
    const end = Math.min(this.lines.length, this.to + limit);
    const start = Math.max(this.to, end - WINDOW);
    const skipped = start - this.to;
    const fresh = this.lines.slice(start, end);
    const drawn = skipped ? 0 : this.to - this.from;
    const drop = skipped ? this.to - this.from : Math.max(0, drawn + fresh.length - WINDOW);
    this.from = skipped ? start : this.from + drop;
    this.to = end;
    return [fresh, drop];
  }

  /** Show older lines; returns [lines to put in front, count to drop from the end]. */
  retreat() {
    const start = Math.max(0, this.from - STEP);
    const older = this.lines.slice(start, this.from);
    this.from = start;
    const drop = Math.max(0, this.to - this.from - WINDOW);
    this.to -= drop;
    return [older, drop];
  }
}

/** "e" for an error, "w" for a warning, "" else; by the same words as the server's `level_of`. */
export const lineTone = (text) => {
  const head = plain(text.slice(0, 160)).slice(0, 80);
  if (text.startsWith("fairway:")) return "w";
  if (/\b(error|exception|traceback|critical|fatal)\b/i.test(head) || /\w(Error|Exception)\b/.test(head)) return "e";
  return /\bwarn(ing)?\b/i.test(head) || /\wWarning\b/.test(head) ? "w" : "";
};
