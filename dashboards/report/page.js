// The page: controls, what they choose, and everything below drawn again when they change.

let data, state;

function choose(changes) {
  state = { ...state, ...changes };
  writeState();
  render();
}

const option = (value, text, chosen) => make("option", { value, selected: value === chosen }, text);

function periodControl() {
  const group = (kind) => make("optgroup", { label: say("periods_" + kind) },
    data.periods.filter((each) => each.kind === kind).map((each) => option(each.id, periodName(each), state.period)));
  return make("label", {}, make("span", {}, say("period")),
    make("select", { id: "period", onchange: (event) => choose({ period: event.target.value }) }, group("window"), group("month"), group("week")));
}

function ownerControl() {
  return make("label", {}, make("span", {}, say("owner")),
    make("select", { id: "owner", onchange: (event) => choose({ owner: event.target.value, service: [] }) },
      option("", say("all_owners"), state.owner), data.owners.map((each) => option(each, each, state.owner))));
}

/** Several services: ticks in a folded list; none ticked is all. */
function serviceControl() {
  const offered = data.services.filter((each) => !state.owner || each.owner === state.owner);
  const toggle = (name) => (event) =>
    choose({ service: event.target.checked ? [...state.service, name].sort() : state.service.filter((each) => each !== name) });
  const summary = state.service.length ? state.service.join(", ") : say("all_of", { n: number(offered.length) });
  const list = make("fieldset", {}, make("legend", { class: "hidden" }, say("services")),
    make("button", { type: "button", id: "all-services", onclick: () => choose({ service: [] }) }, say("all_services")),
    offered.map((each) => make("label", {}, make("input", { type: "checkbox", name: "service", value: each.id, checked: state.service.includes(each.id), onchange: toggle(each.id) }), " " + each.name)));
  return make("div", { class: "control" }, make("span", { "aria-hidden": "true" }, say("services")),
    make("details", { class: "pick", id: "service" }, make("summary", { "aria-label": `${say("services")}: ${summary}` }, make("span", {}, summary)), list));
}

function grainControl() {
  return make("fieldset", { class: "grain" }, make("legend", {}, say("by")),
    ["day", "week", "month"].map((each) => make("label", {},
      make("input", { type: "radio", name: "by", value: each, checked: state.by === each, onchange: () => choose({ by: each }) }), make("span", {}, say("by_" + each)))));
}

function levelsControl() {
  return make("label", {}, make("span", {}, say("levels")),
    make("select", { id: "levels", onchange: (event) => choose({ levels: event.target.value }) },
      option("", say("levels_none"), state.levels), Object.keys(data.levels).map((year) => option(year, say("levels_of", { year }), state.levels))));
}

function controls() {
  return make("form", { id: "controls", "aria-label": say("controls"), onsubmit: (event) => event.preventDefault() },
    periodControl(), ownerControl(), serviceControl(), grainControl(), levelsControl(),
    make("a", { id: "view", href: fragment(state) }, say("link_to_view")));
}

function definitionsSection() {
  const period = data.periodsById.get(state.period);
  const service = (chosenServices()[0] ?? data.services[0])?.id ?? "SERVICE";
  const entries = KEYS.map((each) => make("details", { id: "definition-" + each.key, class: "definition" },
    make("summary", {}, say(each.key)),
    make("p", {}, say("definition_" + each.key)),
    make("dl", {},
      make("dt", {}, say("source")), make("dd", {}, make("code", {}, `four_keys_${{ day: "daily", week: "weekly", month: "monthly" }[state.by]}.${each.figure}`)),
      make("dt", {}, say("same_number")), make("dd", {}, make("code", {}, `fourkeys metrics --service ${service} --from ${period.from} --to ${period.to}`)),
      make("dt", {}, say("its_rows")), make("dd", {}, make("code", {}, `fourkeys explain ${each.explain} --service ${service} --period ${period.kind === "window" ? `${period.from}..${period.to}` : period.id}`)))));
  return section("definitions", say("definitions"), say("definitions_note", { year: data.quick_check.year }), entries);
}

/** What was not read for too long, and the figures that may be wrong by it. */
const staleNotice = () => data.meta.stale.length ? make("aside", { id: "stale", class: "stale", role: "note" },
  make("strong", {}, say("stale")),
  make("ul", {}, data.meta.stale.map(({ what, since, figures }) => make("li", {}, say("stale_of", {
    what, since: since ?? say("no_data"), figures: KEYS.filter((each) => figures.includes(each.figure)).map((each) => say(each.key)).join(", ") }))))) : null;

function footer() {
  const { meta } = data;
  const period = data.periodsById.get(state.period);
  return make("footer", {},
    make("p", {}, say("foot_period", { from: date(period.from), to: date(lastDay(period)), zone: meta.timezone, environment: meta.environment })),
    make("p", {}, say("foot_fresh", { when: meta.now }), meta.freshness.map(([name, when]) => make("span", { class: "tag" }, `${name} ${when ?? say("no_data")}`))),
    make("p", {}, say("foot_version", { version: meta.version }), " · ", say("foot_rules")));
}

/** Draw everything; the focus stays on the control that was used. */
function render() {
  const period = data.periodsById.get(state.period);
  const services = chosenServices();
  const names = new Set(services.map((each) => each.id));
  const scope = cardScope();
  const [focus, open] = [focusPath(), document.getElementById("service")?.open];
  plots = [];
  document.getElementById("page").replaceChildren(
    make("header", {}, make("h1", {}, say("title")), make("p", {}, say("subtitle", { when: data.meta.now })), controls(), data.services.length ? sectionsNav(names) : null),
    make("main", {},
      staleNotice(),
      data.services.length ? null : section("empty", say("no_services"), say("no_services_hint")),
      scope && cardsSection(scope, period),
      services.length > 1 ? servicesSection(services, period) : null,
      data.services.length ? [chartsSection(period), stagesSection(period)].filter(Boolean) : [],
      waitingSection(names), deploymentsSection(period, names), incidentsSection(period, names), qualitySection(names), definitionsSection()),
    footer());
  if (open) document.getElementById("service").open = true;
  drawPlots();
  restoreFocus(focus);
}

function focusPath() {
  const active = document.activeElement;
  if (!active || active === document.body) return null;
  if (active.id) return "#" + active.id;
  return active.name && active.value ? `[name="${active.name}"][value="${active.value}"]` : null;
}

const restoreFocus = (path) => path && document.querySelector(path)?.focus({ preventScroll: true });

async function main() {
  data = new Data(await unpack(document.getElementById("data").textContent));
  ({ words } = data);
  ({ lang } = data.meta);
  state = readState();
  render();
  addEventListener("hashchange", () => { state = readState(); render(); });
  let waiting;
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(drawPlots, 100);
  });
  document.documentElement.dataset.ready = "true";
}

main();
