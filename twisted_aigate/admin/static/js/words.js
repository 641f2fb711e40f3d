// Figures, times and sizes in words.

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const count = (value) =>
  Math.abs(value) < 10_000 ? whole.format(value) : short.format(value);

export function rate(value) {
  return value === 0
    ? "0"
    : value < 10
      ? value.toFixed(value < 1 ? 2 : 1)
      : count(Math.round(value));
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds === 0) return "0";
  if (seconds < 0.001) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 100) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** Dollars: cents, and of less than one the first two digits that say something. */
export function money(dollars) {
  if (!dollars) return "$0";
  const digits = Math.abs(dollars) < 0.01 ? 1 - Math.floor(Math.log10(Math.abs(dollars))) : 2;
  return `$${dollars.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: Math.min(digits, 9) })}`;
}

export function bytes(size) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  while (size >= 1024 && at < units.length - 1) {
    size /= 1024;
    at += 1;
  }
  return `${at && size < 10 ? size.toFixed(1) : Math.round(size)} ${units[at]}`;
}

export function moment(value) {
  if (!value) return "–";
  const date = typeof value === "number" ? new Date(value * 1000) : new Date(value);
  const today = date.toDateString() === new Date().toDateString();
  return today
    ? date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })
    : date.toLocaleDateString("en-GB", {
        day: "numeric",
        month: "short",
        year: date.getFullYear() === new Date().getFullYear() ? undefined : "numeric",
      });
}

export const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB");
