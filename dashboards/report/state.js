// What is shown, as the fragment of the page's address: a link to a view is the view.

const DEFAULTS = { period: "90d", owner: "", service: [], by: "week", levels: "", show: "all" };

function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  const state = { ...DEFAULTS, period: data.periods[0].id === "asked" ? "asked" : DEFAULTS.period };
  if (data.periodsById.has(given.get("period"))) state.period = given.get("period");
  if (data.owners.includes(given.get("owner"))) state.owner = given.get("owner");
  const known = new Set(data.services.map((each) => each.id));
  state.service = (given.get("service") ?? "").split(",").filter((name) => known.has(name));
  if (["day", "week", "month"].includes(given.get("by"))) state.by = given.get("by");
  if (given.get("levels") in data.levels) state.levels = given.get("levels");
  if (["all", "failed", "recovered", "rework"].includes(given.get("show"))) state.show = given.get("show");
  return state;
}

function fragment(state) {
  const pairs = Object.entries(state)
    .map(([name, value]) => [name, Array.isArray(value) ? value.join(",") : value])
    .filter(([name, value]) => value !== "" && (name === "period" || value !== DEFAULTS[name]));
  return "#" + pairs.map(([name, value]) => name + "=" + encodeURIComponent(value).replaceAll("%2C", ",")).join("&");
}

function writeState() {
  history.replaceState(null, "", fragment(state));
}

/** The services that are chosen, in the order of their names: those named, of the owner, or all. */
function chosenServices() {
  return data.services.filter(
    (each) =>
      (!state.owner || each.owner === state.owner) && (!state.service.length || state.service.includes(each.id)),
  );
}

/** The one scope that the cards are about: a service, or the roll-up of an owner or of all; null where there is none. */
function cardScope() {
  const services = chosenServices();
  if (services.length === 1) return services[0];
  if (state.service.length) return null;
  return data.scopesById.get(state.owner ? "owner:" + state.owner : "company") ?? null;
}
