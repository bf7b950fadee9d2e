// The five cards, and the same five keys of several services beside each other.

const FEW = 5;
/** Services that stand beside each other at first: more are a click away, and slow to draw. */
const BESIDE = 12;

/** Key, its figure, how it is written, what it is counted over, and whether more is better. */
const KEYS = [
  { key: "frequency", score: "deployment_frequency_score", figure: "deployments_per_day", kind: "perDay", n: "deployments", unit: "n_deployments", up: true, explain: "deployment_frequency", series: "deployments" },
  { key: "lead_time", score: "lead_time_score", figure: "lead_time_hours_median", kind: "hours", n: "changes", unit: "n_changes", up: false, explain: "change_lead_time", series: "lead_time_hours_median" },
  { key: "failure_rate", score: "change_failure_score", figure: "change_failure_rate", kind: "rate", n: "deployments", part: "failed_deployments", unit: "n_of_deployments", up: false, explain: "change_failure_rate", series: "change_failure_rate" },
  { key: "recovery", score: "failed_deployment_recovery_score", figure: "failed_deployment_recovery_hours_median", kind: "hours", n: "recovered_failures", unit: "n_recoveries", up: false, explain: "failed_deployment_recovery", series: "failed_deployment_recovery_hours_median" },
  { key: "rework", score: "deployment_rework_score", figure: "deployment_rework_rate", kind: "rate", n: "deployments", part: "rework_deployments", unit: "n_of_deployments", up: false, explain: "deployment_rework_rate", series: "deployment_rework_rate" },
];

const isNone = (value) => value === null || value === undefined;

/** A rate is steady while one of the two lies in the 95 % interval of the other; any other key while within a tenth. */
function steady(each, now, before) {
  const within = (value, row) => row[each.figure + "_low"] <= value && value <= row[each.figure + "_high"];
  const [a, b] = [now[each.figure], before[each.figure]];
  return each.kind === "rate" ? within(a, before) || within(b, now) : Math.abs(a - b) <= b / 10;
}

/** Which way a key went since the period before; nothing is judged of too few, nor against a partial period. */
function trend(each, now, before) {
  if (isNone(now?.[each.figure]) || isNone(before?.[each.figure])) return null;
  const few = now[each.n] < FEW || before[each.n] < FEW;
  const way = steady(each, now, before) ? "steady" : now[each.figure] > before[each.figure] ? "up" : "down";
  const judged = !few && way !== "steady" && !before.is_partial && !now.is_partial;
  return { way, few, good: judged ? (way === "up") === each.up : null };
}

const ARROW = { up: "▲", down: "▼", steady: "≈" };

function change(each, now, before) {
  const found = trend(each, now, before);
  if (!found) return make("p", { class: "change" }, say("no_previous"));
  const judgement = found.good === null ? "" : found.good ? "better" : "worse";
  return make("p", { class: "change " + judgement },
    make("span", { "aria-hidden": "true" }, ARROW[found.way] + " "),
    judgement ? make("strong", {}, say(judgement) + ", ") : found.way === "steady" ? say("steady") + ", " : "",
    say("was") + " ", datum(each.kind, before[each.figure], { "data-previous": each.figure }, now[each.figure]),
    found.good === null && found.few ? " · " + say("few") : "");
}

function counted(each, row) {
  const n = row?.[each.n] ?? 0;
  const values = { n: number(n), part: number(row?.[each.part] ?? 0) };
  const unit = n === 1 ? each.unit + "_one" : each.unit;
  const few = each.key !== "frequency" && n > 0 && n < FEW;
  return make("p", { class: "n" }, make("span", { "data-n": n }, say(unit, values)), few && make("span", { class: "tag" }, say("small_n")));
}

const rest = {
  frequency: (row) => [datum("score", row.median_deployment_days_per_week, { "data-figure": "median_deployment_days_per_week" }), " " + say("median_days_per_week")],
  lead_time: (row) => ["p90 ", datum("hours", row.lead_time_hours_p90, { "data-figure": "lead_time_hours_p90" })],
  failure_rate: (row) => interval(row, "change_failure_rate"),
  recovery: (row) => [
    say("restore") + " ", datum("hours", row.time_to_restore_hours_median, { "data-figure": "time_to_restore_hours_median" }),
    " · " + say(row.restored_incidents === 1 ? "n_incidents_one" : "n_incidents", { n: number(row.restored_incidents) }),
    row.unrecovered_failures ? " · " + say("unrecovered", { n: number(row.unrecovered_failures) }) : ""],
  rework: (row) => interval(row, "deployment_rework_rate"),
};

const interval = (row, name) =>
  isNone(row[name + "_low"]) ? [] : [say("interval", { low: write.rate(row[name + "_low"]), high: write.rate(row[name + "_high"]) })];

function card(each, scope, period) {
  const [now, before] = [data.figures(scope.id, period), data.previous(scope.id, period)];
  const starts = trendStarts(period);
  const value = now?.[each.figure];
  const score = now?.[each.score];
  const mean = data.quick_check.means[each.key];
  const empty = isNone(value) || (each.key === "frequency" && !now.deployments);
  return make("article", { class: "card", "data-key": each.key },
    make("h3", {}, say(each.key)),
    make("p", { class: "value" }, datum(each.kind, value, { "data-figure": each.figure })),
    counted(each, now),
    change(each, now, before),
    make("p", { class: "rest" }, now && rest[each.key](now)),
    sparkline(trendValues(each, scope, starts), markedFrom(starts, period)),
    make("div", { class: "score" },
      scoreBar(empty ? null : score, mean),
      isNone(score) || empty ? say("no_score") : [make("b", { "data-score": score }, write.score(score)), say("score_of", { year: data.quick_check.year })],
      make("span", { class: "mean" }, say("mean", { mean: write.score(mean) }))),
    make("p", { class: "links" },
      make("button", { type: "button", onclick: () => showRows(each.key) }, say("rows_behind")),
      make("button", { type: "button", onclick: () => showDefinition(each.key) }, say("definition"))));
}

/** The score from 0 to 10, and where the mean of all industries lies; the text below says the same. */
function scoreBar(score, mean) {
  const svg = make("svg", { class: "scale", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" });
  svg.append(make("rect", { class: "track", y: 2, width: 100, height: 4 }));
  if (!isNone(score)) svg.append(make("rect", { class: "value", y: 2, width: score * 10, height: 4 }));
  svg.append(make("rect", { class: "tick", x: mean * 10 - 0.5, width: 1, height: 8 }));
  return svg;
}

/** What a small trend shows: a count of the period that is not over would look like a fall, so it is left out. */
function trendValues(each, scope, starts) {
  const values = data.line(trendGrain(), scope.id, each.series, starts);
  const partial = data.line(trendGrain(), scope.id, "is_partial", starts);
  if (each.kind === "perDay" && partial.at(-1)) values[values.length - 1] = null;
  return values;
}

/** Where the chosen period begins in a small trend. */
const markedFrom = (starts, period) => starts.findIndex((start) => start >= periodStart(trendGrain(), dayNumber(period.from)));

function cardsSection(scope, period) {
  const row = data.figures(scope.id, period);
  const notes = [
    scope.kind !== "service" && say("rollup"),
    (!row || row.is_partial) && say("partial_period"),
  ].filter(Boolean);
  return make("section", { id: "cards", "aria-labelledby": "cards-title" },
    make("h2", { id: "cards-title" }, scopeName(scope)),
    make("p", { class: "sub" }, periodText(period), notes.map((note) => make("span", { class: "tag" }, note))),
    scope.description && make("p", { class: "sub" }, scope.description),
    make("div", { class: "cards" }, KEYS.map((each) => card(each, scope, period))));
}

const scopeName = (scope) =>
  scope.kind === "company" ? say("all_services") : scope.kind === "owner" ? say("owner_scope", { owner: scope.name }) : scope.name;

const periodText = (period) => `${periodName(period)}: ${date(period.from)} – ${date(lastDay(period))}`;

/** Services beside each other, by name: this is no ranking. */
function servicesSection(services, period) {
  const starts = trendStarts(period);
  const head = make("tr", {}, make("th", { scope: "col" }, say("service")), KEYS.map((each) => make("th", { scope: "col", class: "number" }, say(each.key))));
  const { body, foot } = growing(services, BESIDE, (service) => {
    const [now, before] = [data.figures(service.id, period), data.previous(service.id, period)];
    return make("tr", { "data-service": service.id },
      make("th", { scope: "row" },
        make("a", { href: fragment({ ...state, service: [service.id] }) }, service.name),
        make("small", {}, service.owner, now?.is_partial && make("span", { class: "tag" }, say("partial")))),
      KEYS.map((each) => serviceCell(each, service, now, before, starts)));
  });
  return make("section", { id: "services", "aria-labelledby": "services-title" },
    make("h2", { id: "services-title" }, say("services_title")),
    make("p", { class: "sub" }, `${periodText(period)} · ${say("no_ranking")}`),
    make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": say("services_title") + ": " + say("table") },
      make("table", { class: "services" }, make("thead", {}, head), body)), services.length > BESIDE && foot);
}

function serviceCell(each, service, now, before, starts) {
  const found = trend(each, now, before);
  const judged = found?.good ?? null;
  return make("td", { class: "number" },
    datum(each.kind, now?.[each.figure], { "data-figure": each.figure }),
    make("small", { class: judged === null ? "" : judged ? "better" : "worse" },
      found ? [make("span", { "aria-hidden": "true" }, ARROW[found.way] + " "), judged === null ? "" : say(judged ? "better" : "worse") + " · "] : "",
      each.part ? `${number(now?.[each.part] ?? 0)}/${number(now?.[each.n] ?? 0)}` : `n ${number(now?.[each.n] ?? 0)}`,
      each.key !== "frequency" && now?.[each.n] > 0 && now[each.n] < FEW ? " · " + say("small_n") : ""),
    sparkline(trendValues(each, service, starts), -1));
}
