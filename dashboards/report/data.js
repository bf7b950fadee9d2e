// What the page was given: figures by scope and period, tables by column. Nothing is computed from it but its look.

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

const DAY = 86400000;
const dayNumber = (text) => Math.round(Date.parse(text + "T00:00:00Z") / DAY);
const dayText = (number) => new Date(number * DAY).toISOString().slice(0, 10);

/** The first day of the day, ISO week or month that a day lies in, or of one `steps` later. */
function periodStart(grain, number, steps = 0) {
  if (grain === "day") return number + steps;
  if (grain === "week") return number - ((((number + 3) % 7) + 7) % 7) + 7 * steps;
  const date = new Date(number * DAY);
  return Math.round(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + steps, 1) / DAY);
}

function periodIndex(grain, from, to) {
  if (grain === "day") return to - from;
  if (grain === "week") return Math.round((to - from) / 7);
  const [a, b] = [new Date(from * DAY), new Date(to * DAY)];
  return (b.getUTCFullYear() - a.getUTCFullYear()) * 12 + b.getUTCMonth() - a.getUTCMonth();
}

class Data {
  constructor(given) {
    Object.assign(this, given);
    this.periodsById = new Map(this.periods.map((each) => [each.id, each]));
    this.scopesById = new Map(this.scopes.map((each) => [each.id, each]));
    this.services = this.scopes.filter((each) => each.kind === "service");
    this.owners = [...new Set(this.services.map((each) => each.owner).filter(Boolean))].sort();
    for (const grain of Object.values(this.series))
      for (const one of Object.values(grain)) one.first = dayNumber(one.start);
  }

  /** The row of a scope in a period, or null: of a window as it was measured, of a week or month from its view. */
  figures(scope, period) {
    if (!period) return null;
    if (period.kind === "window") return this.windows[period.id]?.[scope] ?? null;
    return this.at(period.kind, scope, dayNumber(period.from));
  }

  /** The row of the period before, of the same length and kind. */
  previous(scope, period) {
    if (period.kind === "window") return this.windows[period.id + "-previous"]?.[scope] ?? null;
    return this.at(period.kind, scope, periodStart(period.kind, dayNumber(period.from), -1));
  }

  at(grain, scope, start) {
    const one = this.series[grain]?.[scope];
    if (!one) return null;
    const place = periodIndex(grain, one.first, start);
    if (place < 0 || place >= one.deployments.length) return null;
    const row = {};
    for (const [name, values] of Object.entries(one)) if (Array.isArray(values)) row[name] = values[place];
    return row;
  }

  /** One figure of a scope for each of the periods that begin at `starts`; null where the view has no row or value. */
  line(grain, scope, name, starts) {
    const one = this.series[grain]?.[scope];
    const values = one?.[name];
    return starts.map((start) => (values ? (values[periodIndex(grain, one.first, start)] ?? null) : null));
  }

  /** The rows of a table as objects, for which `test` holds; `test` sees the columns and the place of the row. */
  rows(name, test) {
    const columns = this.tables[name];
    if (!columns) return null;
    const names = Object.keys(columns);
    const found = [];
    for (let place = 0; place < (columns[names[0]]?.length ?? 0); place++)
      if (test(columns, place)) found.push(Object.fromEntries(names.map((each) => [each, columns[each][place]])));
    return found;
  }
}
