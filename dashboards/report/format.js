// How values are written. A value that is not there is "no data", never zero.

let words, lang;
const say = (key, values = {}) =>
  (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => (name in values ? values[name] : ""));

/** Formatters are slow to make: each is made once. */
const formatters = new Map();
function formatter(kind, options) {
  const name = JSON.stringify(options);
  if (!formatters.has(name)) formatters.set(name, new kind(lang, options));
  return formatters.get(name);
}

const number = (value, digits = 0) => formatter(Intl.NumberFormat, { maximumFractionDigits: digits }).format(value);

const UNITS = [
  ["minutes", 1 / 60],
  ["hours", 1],
  ["days", 24],
];

/** The unit in which hours read best: minutes below 1 hour, hours below 2 days, else days. */
const unitOf = (hours) => (hours < 1 ? UNITS[0] : hours < 48 ? UNITS[1] : UNITS[2]);

const write = {
  hours(value, like = value) {
    const unit = unitOf(like);
    const shown = value / unit[1];
    return say(unit[0], { n: number(shown, shown < 10 && unit[0] !== "minutes" ? 1 : 0) });
  },
  rate: (value) => number(value * 100, value > 0 && value < 0.001 ? 3 : value < 0.1 ? 1 : 0) + "%",
  /** Deployments a day; below one a day they read better by the week, below one a week by the month of 30 days. */
  perDay(value, like = value) {
    if (value === 0) return number(0);
    const rate = like || value;
    const [factor, unit] = rate >= 1 ? [1, "per_day"] : rate >= 1 / 7 ? [7, "per_week"] : [30, "per_month"];
    return say(unit, { n: number(value * factor, 1) });
  },
  count: (value) => number(value),
  score: (value) => number(value, 1),
};

/** A value in words, in the unit that suits `like`. */
const shown = (kind, value, like) =>
  value === null || value === undefined ? say("no_data") : write[kind](value, like ?? value);

function date(text, options = { day: "numeric", month: "short", year: "numeric" }) {
  return formatter(Intl.DateTimeFormat, { ...options, timeZone: "UTC" }).format(new Date(text + "T00:00:00Z"));
}

/** A period in words: the windows by their length, weeks and months by their names. */
function periodName(period) {
  if (period.id === "asked") return say("period_asked", { from: date(period.from), to: date(lastDay(period)) });
  if (period.kind === "window") return say("period_days", { n: period.days });
  if (period.kind === "month") return date(period.from, { month: "long", year: "numeric" });
  return say("period_week", { week: period.id });
}

const lastDay = (period) => dayText(dayNumber(period.to) - 1);

/** Make an element: attributes, then children; texts are text, never markup. */
function make(tag, attributes = {}, ...children) {
  const space = SVG_TAGS.has(tag) ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml";
  const element = document.createElementNS(space, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false));
  return element;
}
const SVG_TAGS = new Set("svg g path rect circle line text title polyline desc".split(" "));

/** A value for people, with the value itself for programs. */
const datum = (kind, value, attributes = {}, like = undefined) =>
  make("data", { value: value ?? "", class: value === null || value === undefined ? "none" : null, ...attributes },
    shown(kind, value, like));

/** A link, if its address is one of the web's; otherwise its text. */
const link = (address, text) =>
  /^https?:\/\//i.test(address ?? "")
    ? make("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, text)
    : text;
