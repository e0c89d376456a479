// The sample browser of a report. Everything that a model, a judge or a user wrote is set as text, never as markup.
const HEIGHT = 3.5 * parseFloat(getComputedStyle(document.documentElement).fontSize); // of a row, as in the style
const LONG = 20000; // characters of an answer that are shown at first
const FILTERS = ["text", "emotion", "score", "setting", "run", "order"];

async function unpacked(id) {
  const bytes = Uint8Array.from(atob($(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

const percent = (value) => (value === null ? "unscored" : `${value.toFixed(0)} %`);
const SCORES = {
  "": ["any", () => true],
  none: ["0: nothing named", (score) => score === 0],
  some: ["between", (score) => score !== null && score > 0 && score < 100],
  all: ["100: everything named", (score) => score === 100],
  unscored: ["unscored", (score) => score === null],
};
const ORDERS = {
  "": ["as in the data", null],
  lowest: ["lowest recall first", (entry) => mean(entry) ?? 1e6],
  spread: ["runs differ most", (entry) => -spread(entry)],
};

let data, images, shown = [], current = null, started = false;

const lower = (answer) => (answer.lower ??= answer.text.toLowerCase());
const scores = (entry) => entry.seen.map((answer) => answer.score).filter((score) => score !== null);
function mean(entry) {
  const known = scores(entry);
  return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
}
function spread(entry) {
  const known = scores(entry);
  return known.length ? Math.max(...known) - Math.min(...known) : -1;
}

function filter() {
  const words = $("text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const emotion = $("emotion").value, setting = $("setting").value, run = $("run").value;
  const fits = SCORES[$("score").value][1];
  shown = data.samples.filter((entry) => {
    if (emotion && entry.emotion !== emotion) return false;
    entry.seen = entry.answers.filter((answer) =>
      (!run || answer.run === Number(run)) && (!setting || data.runs[answer.run].setting === setting));
    if (!entry.seen.some((answer) => fits(answer.score))) return false;
    return words.every((word) => entry.about.includes(word) || entry.seen.some((answer) => lower(answer).includes(word)));
  });
  const order = ORDERS[$("order").value][1];
  if (order) shown = shown.map((entry) => [order(entry), entry]).sort((a, b) => a[0] - b[0]).map((pair) => pair[1]);
  $("count").textContent = `${shown.length.toLocaleString()} of ${data.samples.length.toLocaleString()} samples`;
  $("list").replaceChildren(element("div", { style: `height:${shown.length * HEIGHT}px`, role: "presentation" }));
  choose(shown.includes(current) ? current : shown[0] ?? null);
}

function drawList() {
  const list = $("list");
  const first = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - 8);
  const last = Math.min(shown.length, first + Math.ceil(list.clientHeight / HEIGHT) + 16);
  for (const row of list.querySelectorAll(".option")) row.remove();
  const rows = shown.slice(first, last).map((entry, place) => option(entry, first + place));
  list.append(...rows);
  const active = shown.indexOf(current);
  if (active >= first && active < last) list.setAttribute("aria-activedescendant", `option-${active}`);
  else list.removeAttribute("aria-activedescendant");
}

function option(entry, place) {
  const row = element("div", {
    id: `option-${place}`, className: "option", role: "option", "aria-selected": String(entry === current),
    "aria-posinset": place + 1, "aria-setsize": shown.length, style: `top:${place * HEIGHT}px`,
  });
  const known = entry.seen.map((answer) => percent(answer.score)).slice(0, 4).join(" · ");
  row.append(
    element("bdi", { className: "line" }, entry.question || entry.id),
    element("span", { className: "line more" }, element("bdi", {}, entry.emotion), ` · ${known} · `, entry.id));
  row.addEventListener("click", () => choose(entry));
  return row;
}

function choose(entry) {
  current = entry;
  const place = shown.indexOf(entry), list = $("list");
  if (place >= 0) {
    const top = place * HEIGHT;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + HEIGHT - list.clientHeight;
  }
  drawList();
  drawSample();
  if (started) keepAddress();
}

function drawSample() {
  const place = $("sample");
  if (!current) {
    place.replaceChildren(element("p", {}, "No sample fits these filters."));
    return;
  }
  const link = element("a", { href: `#${new URLSearchParams({ sample: current.key })}` }, current.id);
  const parts = [element("p", { className: "faint" }, element("bdi", {}, current.emotion), " · ", link)];
  if (images[current.image]) parts.push(element("img", { src: images[current.image], alt: `Image of ${current.id}` }));
  if (current.question) parts.push(element("p", { className: "question", dir: "auto" }, current.question));
  place.replaceChildren(...parts, ...current.seen.map(answerOf));
}

function answerOf(answer) {
  const run = data.runs[answer.run];
  const head = element("h3", {}, element("bdi", {}, run.name), element("span", {}, percent(answer.score)));
  const parts = [head, textOf(answer)];
  if (answer.unscored) parts.push(element("p", { className: "why", dir: "auto" }, `Unscored: ${answer.unscored}`));
  if (answer.verdicts.length) parts.push(verdictsOf(answer));
  parts.push(element("p", { className: "faint" }, `Judge: ${run.judge}`));
  return element("section", { className: "answer" }, ...parts);
}

function verdictsOf(answer) {
  const rows = answer.verdicts.map(([present, quote, probability], number) => {
    const said = element("div", { dir: "auto" }, `${number + 1}. ${current.triggers[number] ?? ""}`);
    if (quote) said.append(element("div", { className: "faint", dir: "auto" }, `“${quote}”`));
    if (probability !== null) said.append(element("div", { className: "faint" }, `certain to ${(100 * probability).toFixed(0)} %`));
    return element("li", { className: present ? "named" : "missed" }, element("b", {}, present ? "✓ named" : "✗ missed"), said);
  });
  return element("ul", { className: "verdicts", "aria-label": "Reference triggers" }, ...rows);
}

// The answer with its quoted spans marked; each says which triggers it names.
function textOf(answer) {
  if (!answer.text) return element("p", { className: "faint" }, "The answer is empty.");
  const whole = answer.text.length <= LONG || answer.whole;
  const text = whole ? answer.text : answer.text.slice(0, LONG);
  const spans = [];
  answer.verdicts.forEach(([present, , , start, end], number) => {
    if (present && end <= text.length) spans.push([start, end, number + 1]);
  });
  const edges = [...new Set([0, text.length, ...spans.flatMap(([start, end]) => [start, end])])].sort((a, b) => a - b);
  const parts = edges.slice(1).map((end, place) => {
    const part = text.slice(edges[place], end);
    const inside = spans.filter((span) => span[0] <= edges[place] && end <= span[1]).map((span) => span[2]);
    const ending = spans.filter((span) => span[1] === end && inside.includes(span[2])).map((span) => span[2]);
    if (!inside.length) return part;
    const marked = element("mark", { title: `names trigger ${inside.join(", ")}` }, part);
    if (ending.length) marked.append(element("sup", {}, ending.join(",")));
    return marked;
  });
  const shownText = element("div", { className: "text", dir: "auto" }, ...parts);
  if (whole) return shownText;
  const button = element("button", { type: "button" }, `Show all ${answer.text.length.toLocaleString()} characters`);
  button.addEventListener("click", () => { answer.whole = true; drawSample(); });
  return element("div", {}, shownText, button);
}

// After the last of several quick steps: browsers allow only so many changes of the address a second.
let waiting;
function keepAddress() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const state = new URLSearchParams();
    for (const name of FILTERS) if ($(name).value) state.set(name, $(name).value);
    if (current) state.set("sample", current.key);
    history.replaceState(null, "", `#${state}`);
  }, 150);
}

function fromAddress() {
  const state = new URLSearchParams(location.hash.slice(1));
  if (!FILTERS.concat("sample").some((name) => state.has(name))) return false;
  for (const name of FILTERS) {
    $(name).value = state.get(name) ?? "";
    if ($(name).selectedIndex === -1) $(name).value = "";
  }
  const wanted = state.get("sample");
  current = data.samples.find((entry) => entry.key === wanted) ?? null;
  const missing = wanted && !current;
  filter();
  if (missing) $("count").textContent += `; ${wanted} is not in this report`;
  return true;
}

function step(by) {
  const place = shown.indexOf(current) + by;
  if (shown.length) choose(shown[Math.min(Math.max(place, 0), shown.length - 1)]);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key.length === 1 && !$("keys").checked) return;
  const typing = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (event.key === "Escape" && $("app").contains(event.target)) {
    for (const name of FILTERS) $(name).value = "";
    $("list").focus();
    filter();
  } else if (typing) {
    return;
  } else if (event.key === "/") {
    $("text").focus();
  } else if (event.key === "j" || event.key === "k") {
    step(event.key === "j" ? 1 : -1);
  } else if (event.target === $("list") && KEYS[event.key]) {
    step(KEYS[event.key]);
  } else {
    return;
  }
  event.preventDefault();
}
const KEYS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

function fill(id, options) {
  $(id).replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
  $(id).parentElement.hidden = options.length < 3 && id !== "score" && id !== "order";
}

async function start() {
  data = await unpacked("data");
  images = await unpacked("images");
  for (const entry of data.samples) {
    entry.seen = entry.answers;
    entry.about = [entry.id, entry.question, ...entry.triggers].join("\n").toLowerCase();
  }
  const values = (list) => [...new Set(list)].sort().map((value) => [value, value]);
  fill("emotion", [["", "all"], ...values(data.samples.map((entry) => entry.emotion))]);
  fill("setting", [["", "all"], ...values(data.runs.map((run) => run.setting))]);
  fill("run", [["", "all"], ...data.runs.map((run, number) => [String(number), run.name])]);
  fill("score", Object.entries(SCORES).map(([value, [text]]) => [value, text]));
  fill("order", Object.entries(ORDERS).map(([value, [text]]) => [value, text]));
  $("app").hidden = false;
  for (const name of FILTERS) $(name).addEventListener("input", filter);
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  $("list").addEventListener("scroll", () => requestAnimationFrame(drawList));
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", fromAddress);
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  if (fromAddress()) $("samples").scrollIntoView();
  else filter();
  started = true;
}

start().catch(() => { $("trouble").hidden = false; });
