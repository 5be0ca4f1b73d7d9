/* The window of a long log: all lines are kept, only a part is drawn. Pure, no DOM. */
export const WINDOW = 3000;
export const STEP = 1000;

export class LineWindow {
  lines = [];
  from = 0;
  to = 0;

  /** Keep a line; returns nothing: what is drawn changes with `advance`. */
  push(...lines) {
    for (const line of lines) this.lines.push(line);
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

  /** Put the window around one line. */
  centre(index) {
    this.from = Math.max(0, index - STEP / 2);
    this.to = Math.min(this.lines.length, this.from + WINDOW);
    return this.lines.slice(this.from, this.to);
  }

  /** Index of the next line that holds `text` after `index`, wrapping; -1 when none does. */
  find(text, index) {
    const wanted = text.toLowerCase();
    for (let step = 1; step <= this.lines.length; step++) {
      const at = (index + step) % this.lines.length;
      if (this.lines[at].text.toLowerCase().includes(wanted)) return at;
    }
    return -1;
  }
}

/** "e" for an error, "w" for a warning, "" else; judged by the first words, as loggers write them. */
export const lineTone = (text) => {
  const head = text.slice(0, 80);
  if (/\b(error|exception|traceback|critical|fatal)\b/i.test(head)) return "e";
  return /\bwarn(ing)?\b/i.test(head) ? "w" : "";
};
