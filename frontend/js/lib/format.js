/* How numbers and times read; the same rules as apps/core/formats.py. Pure functions, no DOM. */
export const THIN = "\u202f";
export const MINUS = "\u2212";
export const UNDEFINED = "–";

const known = (value) => typeof value === "number" && Number.isFinite(value);

const grouped = (text) => {
  const sign = text.startsWith("-") ? MINUS : "";
  const [whole, part] = text.replace("-", "").split(".");
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, THIN);
  return sign + (part ? `${groups}.${part}` : groups);
};

const unsignedZero = (text) => (/[1-9]/.test(text) ? text : text.replace(MINUS, ""));

/** A number with a stated count of decimals. */
export const fixed = (value, decimals) =>
  known(value) ? unsignedZero(grouped(value.toFixed(decimals))) : UNDEFINED;

/** Three significant figures; whole numbers as they are. */
export const num = (value) => {
  if (!known(value)) return UNDEFINED;
  if (Number.isInteger(value)) return grouped(String(value));
  const size = Math.abs(value);
  if (size < 0.0005) return value.toExponential(2).replace("-", MINUS);
  return fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
};

export const percent = (share, decimals = 0) =>
  known(share) ? `${fixed(share * 100, decimals)}${THIN}%` : UNDEFINED;

/** Bytes in binary units. */
export const bytes = (count) => {
  if (!known(count)) return UNDEFINED;
  let amount = count;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (Math.abs(amount) < 1024 || unit === "GiB") return `${num(unit === "B" ? Math.round(amount) : amount)}${THIN}${unit}`;
    amount /= 1024;
  }
  return UNDEFINED;
};

/** Seconds: "0.13 s", "2 m 14 s", "3 h 5 m". */
export const duration = (seconds) => {
  if (!known(seconds)) return UNDEFINED;
  if (seconds < 0.1) return `${Math.round(seconds * 1000)}${THIN}ms`;
  if (seconds < 60) return `${fixed(seconds, seconds < 1 ? 2 : seconds < 10 ? 1 : 0)}${THIN}s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}${THIN}m ${whole % 60}${THIN}s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)}${THIN}h ${Math.floor((whole % 3600) / 60)}${THIN}m`;
  return `${Math.floor(whole / 86400)}${THIN}d ${Math.floor((whole % 86400) / 3600)}${THIN}h`;
};

/** "12 of 100 steps, 12 % done, about 22 s left", as far as each is known; "" for nothing. */
export const progressWords = ({ fraction, step, total, left }) => {
  const parts = [];
  if (known(step)) parts.push(known(total) ? `${num(step)} of ${num(total)} steps` : `${num(step)} steps`);
  if (known(fraction)) parts.push(`${percent(fraction)} done`);
  if (known(left)) parts.push(left >= 0.5 ? `about ${duration(left)} left` : "about to end");
  return parts.join(", ");
};

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Relative time, "3 Nov 2026" beyond a month. */
export const ago = (moment, now = new Date()) => {
  const seconds = (now - moment) / 1000;
  const past = seconds >= 0;
  const left = Math.abs(seconds);
  if (left < 10) return past ? "just now" : "in a moment";
  const days = Math.floor(left / 86400);
  if (days > 30) return `${moment.getDate()} ${MONTHS[moment.getMonth()]} ${moment.getFullYear()}`;
  if (days === 1 && past) return "yesterday";
  const text =
    left < 60 ? `${Math.floor(left)}${THIN}s`
    : left < 3600 ? `${Math.floor(left / 60)}${THIN}min`
    : left < 86400 ? `${Math.floor(left / 3600)}${THIN}h`
    : days === 1 ? "1 day" : `${days} days`;
  return past ? `${text} ago` : `in ${text}`;
};

/** A clock time: "14:02". */
export const clock = (moment) =>
  `${String(moment.getHours()).padStart(2, "0")}:${String(moment.getMinutes()).padStart(2, "0")}`;

/** What a live part says about itself. */
export const statusWords = (status) =>
  ({
    live: () => "live",
    delayed: () => `delayed ${Math.max(1, Math.round(status.seconds))}${THIN}s`,
    offline: () => `offline since ${clock(status.since)}`,
    refused: () => "not available",
    ended: () => "ended",
    connecting: () => "connecting",
  })[status.state]();
