// The page of `cfsa review`. What a model or a person wrote is set as text, never as markup. A change counts as saved
// when the server says that it is on disk, not before.
const said = (name) => document.querySelector(`meta[name=${name}]`).content;
let rater = said("rater") || localStorage.getItem("cfsa rater") || "";
let csrf = said("csrf");
let sample = null, mark = null, base = 0;
let unsaved = 0, saving = null; // changes that the server has not confirmed; the request under way

async function ask(path, method = "GET", body = undefined, again = true) {
  const headers = { "x-cfsa-rater": encodeURIComponent(rater) };
  if (method !== "GET") Object.assign(headers, { "x-cfsa-csrf": csrf, "content-type": "application/json" });
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const answer = await response.json();
  if (response.status === 403 && again) { // the server was started anew since the page was loaded
    const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
    csrf = page.querySelector("meta[name=csrf]")?.content ?? csrf;
    return ask(path, method, body, false);
  }
  if (!response.ok) throw Object.assign(new Error(answer.error ?? response.statusText), { status: response.status, answer });
  return answer;
}

// Saving

function status(text, lost = false) {
  $("saved").textContent = text;
  $("saved").classList.toggle("lost", lost);
}

function changed() {
  unsaved += 1;
  status("saving…");
  draw();
  saving ??= save();
  return saving;
}

async function save() {
  const wait = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
  for (let tries = 0; unsaved;) {
    const sent = unsaved;
    try {
      const answer = await ask(`/api/samples/${encodeURIComponent(sample.id)}`, "PUT", { base, mark });
      base = answer.base;
      unsaved -= sent;
      tries = 0;
    } catch (error) {
      if (error.status === 409) {
        ({ base, mark } = error.answer);
        unsaved = 0;
        draw();
        saving = null;
        status("changed elsewhere: this is what is kept", true);
        return;
      }
      if ([404, 413, 422].includes(error.status)) {
        status(`not saved: ${error.message}`, true);
        saving = null;
        return;
      }
      tries += 1;
      status(`not saved: ${error.status ? error.message : "the server does not answer"}; trying again`, true);
      await wait(Math.min(5, 0.5 * tries));
    }
  }
  saving = null;
  status("saved");
}

addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });

// Samples

// Until the wanted sample is there, nothing that is pressed may fall upon the one before it.
async function loading(work) {
  if ($("sample").inert) return;
  $("sample").inert = true;
  try {
    await saving;
    if (!unsaved) await work();
  } finally {
    $("sample").inert = false;
  }
  if (sample) focusTrigger(0);
}

const next = () => loading(showNext);

async function showNext() {
  const found = await ask(`/api/next?besides=${encodeURIComponent(sample?.id ?? "")}`);
  showProgress(found.progress);
  if (found.sample) await open(found.sample);
  else {
    sample = null;
    $("sample").hidden = true;
    $("finished").hidden = false;
    history.replaceState(null, "", "#");
  }
}

async function open(id) {
  const found = await ask(`/api/samples/${encodeURIComponent(id)}`);
  ({ sample, mark, base } = found);
  unsaved = 0;
  status("\u00a0");
  $("finished").hidden = true;
  $("sample").hidden = false;
  $("image").src = `/images/${encodeURIComponent(id)}`;
  $("image").alt = `The image ${sample.name}`;
  $("file").textContent = sample.name;
  const by = sample.emotion_by === "model" ? " (named by the model)" : "";
  $("emotion").replaceChildren(element("bdi", {}, sample.emotion), by, sample.whom ? ` · ${sample.whom}` : "", ` · ${id}`);
  $("question").textContent = sample.question;
  $("comment").value = mark.comment;
  $("more").open = false;
  $("notes").replaceChildren(...sample.dropped.map(dropped), ...sample.notes.map(note));
  history.replaceState(null, "", `#${encodeURIComponent(id)}`);
  draw();
}

function showProgress({ total, raters }) {
  const own = raters.find((one) => one.rater === rater) ?? { done: 0, begun: 0 };
  const others = raters.filter((one) => one.rater !== rater).map((one) => `${one.rater} ${one.done}`).join(", ");
  $("progress").textContent = `${rater}: ${own.done.toLocaleString()} of ${total.toLocaleString()} done` +
    (own.begun ? `, ${own.begun} begun` : "") + (others ? ` · others: ${others}` : "");
}

const undo = () => loading(takeBack);

async function takeBack() {
  const taken = await ask("/api/undo", "POST", {});
  if (!taken.sample) return status("nothing to undo");
  await open(taken.sample);
  status("undone");
}

// The page

const dropped = (one) => element("div", { className: "note" },
  element("p", { dir: "auto" }, `Dropped: ${one.text}`), element("p", { className: "faint", dir: "auto" }, one.reason));
const note = (one) => element("div", { className: "note" },
  element("p", { className: "faint", dir: "auto" }, `${one.number}. ${one.question}`), element("p", { dir: "auto" }, one.answer));

function draw() {
  const at = [...$("triggers").children].indexOf(document.activeElement.closest?.("#triggers > li"));
  $("triggers").replaceChildren(...mark.triggers.map(trigger));
  if (at >= 0) focusTrigger(at);
  $("flagged").checked = mark.flagged;
  for (const one of $("quality").querySelectorAll("input")) one.checked = Number(one.value) === mark.quality;
}

function trigger(decision, place) {
  const built = decision.source === null ? null : sample.triggers[decision.source];
  const edited = built && decision.text !== built.text.split(/\s+/).filter(Boolean).join(" ");
  const facts = [];
  if (!built) facts.push("added");
  if (edited) facts.push("edited");
  if (built?.kind) facts.push(built.kind);
  if (built?.category) facts.push(built.category);
  if (built && built.probability !== null) facts.push(`verified: ${(100 * built.probability).toFixed(0)} %`);
  const press = (text, state) => {
    const button = element("button", { type: "button", tabIndex: -1 }, text);
    button.setAttribute("aria-pressed", String(decision.state === state));
    button.addEventListener("click", () => decide(place, state));
    return button;
  };
  const plain = (text, action, name) => {
    const button = element("button", { type: "button", tabIndex: -1, "aria-label": name }, text);
    button.addEventListener("click", action);
    return button;
  };
  const states = { open: "undecided", kept: "✓ kept", removed: "✗ removed" };
  const row = element("div", { className: "row" },
    element("span", { className: "state" }, states[decision.state]), press("Keep", "kept"), press("Remove", "removed"),
    plain("Edit", () => edit(place), "Edit this trigger"), plain("↑", () => move(place, -1), "Move up"),
    plain("↓", () => move(place, 1), "Move down"), element("span", { className: "faint" }, facts.join(" · ")));
  const words = element("div", { className: "words", dir: "auto" }, decision.text);
  const item = element("li", { className: decision.state, tabIndex: 0 }, words, row);
  if (built) {
    const notes = sample.notes.filter((one) => built.notes.includes(one.number));
    const merged = built.merged.length ? [element("p", { className: "faint", dir: "auto" }, `Taken together with: ${built.merged.join("; ")}`)] : [];
    item.append(element("details", {}, element("summary", { tabIndex: -1 }, `${notes.length} ${notes.length === 1 ? "turn" : "turns"} that support it`), ...merged, ...notes.map(note)));
  }
  item.setAttribute("aria-label", `Trigger ${place + 1}: ${decision.text}, ${states[decision.state]}`);
  return item;
}

function focusTrigger(place) {
  const items = $("triggers").children;
  if (items.length) items[Math.min(Math.max(place, 0), items.length - 1)].focus();
}

function put(place, changes) {
  mark = { ...mark, triggers: mark.triggers.map((one, number) => (number === place ? { ...one, ...changes } : one)) };
  return changed();
}

function decide(place, state) {
  const one = mark.triggers[place];
  if (one.source === null && state === "removed") {
    mark = { ...mark, triggers: mark.triggers.filter((_, number) => number !== place) };
    changed();
  } else put(place, { state: one.state === state ? "open" : state });
  focusTrigger(place);
}

function move(place, by) {
  const to = place + by;
  if (to < 0 || to >= mark.triggers.length) return;
  const triggers = [...mark.triggers];
  [triggers[place], triggers[to]] = [triggers[to], triggers[place]];
  mark = { ...mark, triggers };
  changed();
  focusTrigger(to);
}

function edit(place) {
  const item = $("triggers").children[place], words = item.querySelector(".words");
  const field = element("input", { value: mark.triggers[place].text, maxLength: 500, "aria-label": "Words of the trigger" });
  const end = (keep) => {
    const text = field.value.split(/\s+/).filter(Boolean).join(" ");
    field.replaceWith(words);
    if (keep && text && text !== mark.triggers[place].text) put(place, { text, state: "kept" });
    focusTrigger(place);
  };
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    end(event.key === "Enter");
  });
  words.replaceWith(field);
  field.focus();
  field.select();
}

function addTrigger(event) {
  event.preventDefault();
  const text = $("added").value.split(/\s+/).filter(Boolean).join(" ");
  if (!text) return;
  $("added").value = "";
  mark = { ...mark, triggers: [...mark.triggers, { source: null, text, state: "kept" }] };
  changed();
  focusTrigger(mark.triggers.length - 1);
}

function quality(value) {
  mark = { ...mark, quality: value };
  changed();
}

function flag(value) {
  mark = { ...mark, flagged: value };
  changed();
}

function comment() {
  if (!mark || $("comment").value === mark.comment) return;
  mark = { ...mark, comment: $("comment").value };
  changed();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea")) {
    if (event.key === "Escape") { event.target.blur(); focusTrigger(0); }
    return;
  }
  if (event.key === "n") { next(); event.preventDefault(); return; }
  if (event.key === "u") { undo(); event.preventDefault(); return; }
  if (!sample || $("sample").inert) return;
  const place = [...$("triggers").children].indexOf(document.activeElement.closest("#triggers > li"));
  const actions = {
    j: () => focusTrigger(place + 1), k: () => focusTrigger(place - 1),
    f: () => flag(!mark.flagged), c: () => $("comment").focus(), a: () => $("added").focus(),
  };
  if (place >= 0) Object.assign(actions, {
    y: () => decide(place, "kept"), x: () => decide(place, "removed"), e: () => edit(place),
    J: () => move(place, 1), K: () => move(place, -1),
    s: () => { const turns = $("triggers").children[place].querySelector("details"); if (turns) turns.open = !turns.open; },
  });
  if (/^[0-5]$/.test(event.key)) quality(Number(event.key));
  else if (actions[event.key]) actions[event.key]();
  else return;
  event.preventDefault();
}

async function begin() {
  $("who").hidden = true;
  try {
    const wanted = decodeURIComponent(location.hash.slice(1));
    if (wanted) {
      const found = await ask("/api/next");
      showProgress(found.progress);
      await loading(() => open(wanted));
    } else await next();
  } catch (error) {
    if (error.status === 404) await next();
    else status(error.message, true);
  }
}

for (let value = 0; value <= 5; value += 1) {
  const button = element("input", { type: "radio", name: "quality", value: String(value) });
  button.addEventListener("change", () => quality(value));
  const words = { 0: "0 useless", 5: "5 flawless" };
  $("quality").append(element("label", {}, button, words[value] ?? String(value)));
}
$("add").addEventListener("submit", addTrigger);
$("flagged").addEventListener("change", (event) => flag(event.target.checked));
$("comment").addEventListener("change", comment);
$("next").addEventListener("click", next);
$("undo").addEventListener("click", undo);
document.addEventListener("keydown", onKey);
$("who").addEventListener("submit", (event) => {
  event.preventDefault();
  rater = $("name").value.trim();
  localStorage.setItem("cfsa rater", rater);
  begin();
});
if (rater) begin();
else $("who").hidden = false;
