/* What a line asks a terminal for, made safe: 8 colours, bold and dim; every other escape is dropped. Pure, no DOM.
   The same rules as `apps/jobs/logs.py`. */
// eslint-disable-next-line no-control-regex
const ESCAPE = /\x1b(?:\[([0-?]*)[ -/]*([@-~])|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|[ -/]*[0-~]|$)/g;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** The line without escapes and control characters. */
export const plain = (text) => text.replace(ESCAPE, "").replace(CONTROL, "");

/** Parts of a line, each {text, look}; `look` names a colour and a weight, "" for a plain part. */
export const spans = (text) => {
  const found = [];
  let colour = "", weight = "", at = 0;
  const add = (part) => {
    const shown = part.replace(CONTROL, "");
    if (shown) found.push({ text: shown, look: [colour, weight].filter(Boolean).join(" ") });
  };
  for (const match of text.matchAll(ESCAPE)) {
    add(text.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[2] === "m") [colour, weight] = look(match[1], colour, weight);
  }
  add(text.slice(at));
  return found.length ? found : [{ text: "", look: "" }];
};

const look = (codes, colour, weight) => {
  const numbers = codes.slice(0, 100).split(";").map((code) => (/^\d+$/.test(code) ? Number(code) : 0));
  while (numbers.length) {
    const number = numbers.shift();
    if (number === 38 || number === 48) numbers.splice(0, numbers[0] === 5 ? 2 : 4);
    else if (number === 0) colour = weight = "";
    else if (number === 1 || number === 2) weight = number === 1 ? "bold" : "dim";
    else if (number === 22) weight = "";
    else if ((number >= 30 && number <= 37) || (number >= 90 && number <= 97)) colour = COLOURS[number % 10];
    else if (number === 39) colour = "";
  }
  return [colour, weight];
};
