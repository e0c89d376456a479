// The page of `cfsa review`. What a model or a person wrote is set as text, never as markup. A change counts as saved
// when the server says that it is on disk, not before.
const said = (name) => document.querySelector(`meta[name=${name}]`).content;
const raters = said("raters").split("\n").filter(Boolean); // who may mark; anybody where there are none
const preset = said("rater"); // whose page it is, where that is not for the page to say
const plain = (text) => text.split(/\s+/).filter(Boolean).join(" ");
let rater = preset || localStorage.getItem("cfsa rater") || "";
let sample = null, mark = null, base = 0;
let editing = null; // the trigger whose words are being edited: its place, and the field

async function ask(path, method = "GET", body = undefined) {
  const headers = { "x-cfsa-rater": encodeURIComponent(rater) };
  if (method !== "GET") Object.assign(headers, { "x-cfsa-csrf": said("csrf"), "content-type": "application/json" });
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new Error("the server does not answer");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const why = answer.error ?? `the server fails (${response.status})`;
  throw Object.assign(new Error(why), { status: response.status, answer });
}

// Saving: every action is a mark of its own, so that it can be undone by itself; they go out one after another.

const waiting = []; // marks that the server has not confirmed, the oldest first
let sending = null; // the work on them
let away = ""; // why the last try did not reach the disk
let trouble = null; // what the rater has to know of the last mark, and whether it is lost

function status(text, lost = false) {
  $("saved").textContent = text;
  $("saved").classList.toggle("lost", lost);
}

function typing() {
  if (!sample) return false;
  const edited = editing && plain(editing.field.value) !== plain(mark.triggers[editing.place].text);
  return edited || $("comment").value !== mark.comment || plain($("added").value) !== "";
}

function tell() {
  if (away) status(`not saved: ${away}; trying again`, true);
  else if (waiting.length) status("saving…");
  else if (trouble) status(trouble.text, true);
  else status(typing() ? "typing…" : "saved");
}

function change(changes) {
  mark = { ...mark, ...changes };
  waiting.push(mark);
  trouble = null;
  draw();
  sending ??= send();
  tell();
}

async function send() {
  for (let tries = 1; waiting.length; tries += 1) {
    try {
      base = (await ask(`/api/samples/${encodeURIComponent(sample.id)}`, "PUT", { base, mark: waiting[0] })).base;
      waiting.shift();
      away = "";
      tries = 0;
    } catch (error) {
      if (error.status === 409) takeOther(error.answer);
      else if ([404, 413, 422].includes(error.status)) refuse(error.message);
      else {
        away = error.message;
        tell();
        await new Promise((done) => setTimeout(done, Math.min(5000, 500 * tries)));
      }
    }
  }
  sending = null;
  tell();
}

function takeOther(kept) {
  waiting.length = 0;
  editing = null;
  away = "";
  ({ base, mark } = kept);
  trouble = { text: "changed elsewhere: this is what is kept", lost: false };
  draw();
}

function refuse(why) { // the next mark holds everything that this one does
  waiting.shift();
  away = "";
  if (!waiting.length) trouble = { text: `not saved: ${why}; n leaves it so`, lost: true };
}

// Takes up what was typed, but not said to be ready.
function typed() {
  endEdit(true);
  if (sample && $("comment").value !== mark.comment) change({ comment: $("comment").value });
}

addEventListener("beforeunload", (event) => {
  if (waiting.length || trouble?.lost || typing()) event.preventDefault();
});
document.addEventListener("visibilitychange", () => { if (document.hidden) typed(); });

// Samples

let loaded = Promise.resolve();

// Until the wanted sample is there, nothing that is pressed may fall upon the one before it.
function loading(work) {
  if (!$("sample").inert) loaded = load(work);
  return loaded;
}

async function load(work) {
  typed();
  addTrigger();
  const told = trouble;
  $("sample").inert = true;
  try {
    await sending;
    if (trouble && trouble !== told) return; // to be read first
    await work();
  } catch (error) {
    if (error.status === 401 && !preset) who(error.message);
    else status(error.message, true);
  } finally {
    $("sample").inert = false;
  }
  if (sample) focusTrigger(0);
}

const next = () => loading(showNext);

async function showNext() {
  for (let passing = sample?.id ?? ""; ; passing = "") {
    const found = await ask(`/api/next?passing=${encodeURIComponent(passing)}`);
    try {
      if (!found.sample) finish(found.left);
      else if (found.sample === sample?.id) status("this one alone is left");
      else await open(found.sample);
      return showProgress(found);
    } catch (error) {
      if (error.status !== 404) throw error; // the run has it no more; the server offers another
    }
  }
}

function finish(left) {
  sample = null;
  trouble = null;
  $("sample").hidden = true;
  $("finished").hidden = false;
  status(left ? "others are at what is left" : "\u00a0");
  remember("");
}

async function open(id) {
  const found = await ask(`/api/samples/${encodeURIComponent(id)}`);
  ({ sample, mark, base } = found);
  trouble = null;
  status("\u00a0");
  $("finished").hidden = true;
  $("sample").hidden = false;
  $("image").src = `/images/${encodeURIComponent(id)}`;
  $("image").alt = `The image ${sample.name}`;
  $("file").textContent = sample.name;
  const by = sample.emotion_by === "model" ? " (named by the model)" : "";
  $("emotion").replaceChildren(element("bdi", {}, sample.emotion), by, sample.whom ? ` · ${sample.whom}` : "", ` · ${id}`);
  $("question").textContent = sample.question;
  $("more").open = false;
  $("notes").replaceChildren(...sample.dropped.map(dropped), ...sample.notes.map(note));
  $("triggers").replaceChildren();
  remember(id);
  draw();
}

function showProgress({ rater: name, raters: all, left }) {
  rater = name; // as it is kept
  const own = all.find((one) => one.rater === rater) ?? { done: 0, begun: 0 };
  const count = (number) => number.toLocaleString();
  const others = all.filter((one) => one.rater !== rater).map((one) => `${one.rater} ${count(one.done)}`).join(", ");
  $("progress").textContent = `${rater}: ${count(own.done)} of ${count(own.done + left)} done` +
    (own.begun ? `, ${count(own.begun)} begun` : "") + (others ? ` · others: ${others}` : "");
  $("other").hidden = Boolean(preset);
}

const undo = () => loading(takeBack);

async function takeBack() {
  const taken = await ask("/api/undo", "POST", {});
  if (!taken.sample) return status("nothing to undo");
  await open(taken.sample);
  status("undone");
}

// The address names the sample, so that the browser's own way back leads to the one before.

const named = (id) => `#${encodeURIComponent(id)}`;

function remember(id) {
  const depth = history.state?.depth;
  if (depth === undefined) history.replaceState({ depth: 0 }, "", named(id));
  else if (id !== wanted()) history.pushState({ depth: depth + 1 }, "", named(id));
}

function wanted(address = location.href) {
  try {
    return decodeURIComponent(new URL(address).hash.slice(1));
  } catch {
    return "";
  }
}

function back() {
  if (history.state?.depth) history.back();
  else status("there is no sample before this one");
}

async function go(event) {
  const id = wanted(event.newURL); // by now the address may be another
  while ($("sample").inert) await loaded;
  if (!id || id === sample?.id) return;
  await loading(() => open(id));
  const stays = sample && id !== sample.id && id === wanted();
  if (stays) history.replaceState(history.state, "", named(sample.id));
}

// The page

const dropped = (one) => element("div", { className: "note" },
  element("p", { dir: "auto" }, `Dropped: ${one.text}`), element("p", { className: "faint", dir: "auto" }, one.reason));
const note = (one) => element("div", { className: "note" },
  element("p", { className: "faint", dir: "auto" }, `${one.number}. ${one.question}`), element("p", { dir: "auto" }, one.answer));

// Only what has changed is made anew: whoever is about to press a button or reads the turns of another keeps it.
function draw() {
  const list = $("triggers");
  const at = [...list.children].indexOf(document.activeElement.closest?.("#triggers > li"));
  mark.triggers.forEach((decision, place) => {
    const key = JSON.stringify([place, decision]), before = list.children[place];
    if (before?.key === key) return;
    const made = Object.assign(trigger(decision, place), { key });
    const turns = made.querySelector("details");
    if (turns) turns.open = Boolean(before?.querySelector("details")?.open && before.source === decision.source);
    made.source = decision.source;
    if (before) before.replaceWith(made);
    else list.append(made);
  });
  while (list.children.length > mark.triggers.length) list.lastChild.remove();
  if (at >= 0 && !list.contains(document.activeElement)) focusTrigger(at);
  if ($("comment").value !== mark.comment) $("comment").value = mark.comment;
  $("flagged").checked = mark.flagged;
  for (const one of $("quality").querySelectorAll("input")) one.checked = Number(one.value) === mark.quality;
}

function trigger(decision, place) {
  const built = decision.source === null ? null : sample.triggers[decision.source];
  const edited = built && plain(decision.text) !== plain(built.text);
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
  const other = (text, action, name) => {
    const button = element("button", { type: "button", tabIndex: -1, "aria-label": name }, text);
    button.addEventListener("click", action);
    return button;
  };
  const states = { open: "undecided", kept: "✓ kept", removed: "✗ removed" };
  const row = element("div", { className: "row" },
    element("span", { className: "state" }, states[decision.state]), press("Keep", "kept"), press("Remove", "removed"),
    other("Edit", () => edit(place), "Edit this trigger"), other("↑", () => move(place, -1), "Move up"),
    other("↓", () => move(place, 1), "Move down"), element("span", { className: "faint" }, facts.join(" · ")));
  const words = element("div", { className: "words", dir: "auto" }, decision.text);
  const item = element("li", { className: decision.state, tabIndex: 0 }, words, row);
  if (built) {
    const notes = sample.notes.filter((one) => built.notes.includes(one.number));
    const merged = built.merged.length ? [element("p", { className: "faint", dir: "auto" }, `Taken together with: ${built.merged.join("; ")}`)] : [];
    const count = notes.length === 1 ? "1 turn that supports it" : `${notes.length} turns that support it`;
    item.append(element("details", {}, element("summary", { tabIndex: -1 }, count), ...merged, ...notes.map(note)));
  }
  item.setAttribute("aria-label", `Trigger ${place + 1}: ${decision.text}, ${states[decision.state]}`);
  return item;
}

function focusTrigger(place) {
  const items = $("triggers").children;
  if (items.length) items[Math.min(Math.max(place, 0), items.length - 1)].focus();
}

function put(place, changes) {
  change({ triggers: mark.triggers.map((one, number) => (number === place ? { ...one, ...changes } : one)) });
}

function decide(place, state) {
  typed();
  const one = mark.triggers[place];
  if (one.source === null && state === "removed") {
    change({ triggers: mark.triggers.filter((_, number) => number !== place) });
  } else put(place, { state: one.state === state ? "open" : state });
  focusTrigger(place);
}

// A key pressed twice must not take back what it said, as a second click does; `u` is there for that.
function decideAndGoOn(place, state) {
  if (mark.triggers[place].state !== state) decide(place, state);
  const open = mark.triggers.map((one, number) => (one.state === "open" ? number : -1)).filter((number) => number >= 0);
  focusTrigger(open.find((number) => number > place) ?? open[0] ?? place);
}

function move(place, by) {
  typed();
  const to = place + by;
  if (to < 0 || to >= mark.triggers.length) return;
  const triggers = [...mark.triggers];
  [triggers[place], triggers[to]] = [triggers[to], triggers[place]];
  change({ triggers });
  focusTrigger(to);
}

function edit(place) {
  typed();
  const item = $("triggers").children[place];
  const field = element("input", { value: mark.triggers[place].text, maxLength: 500, "aria-label": "Words of the trigger" });
  editing = { place, field };
  item.key = ""; // no longer what its decision looks like
  field.addEventListener("keydown", (event) => {
    if (composing(event) || (event.key !== "Enter" && event.key !== "Escape")) return;
    event.preventDefault();
    event.stopPropagation();
    endEdit(event.key === "Enter");
    focusTrigger(place);
  });
  field.addEventListener("blur", () => endEdit(true));
  item.querySelector(".words").replaceWith(field);
  field.focus();
  field.select();
}

function endEdit(keep) {
  if (!editing) return;
  const { place, field } = editing, text = plain(field.value);
  editing = null;
  if (keep && text && text !== plain(mark.triggers[place].text)) put(place, { text, state: "kept" });
  else draw();
  tell();
}

function addTrigger() {
  const text = plain($("added").value);
  if (!text || !sample) return;
  $("added").value = "";
  typed();
  change({ triggers: [...mark.triggers, { source: null, text, state: "kept" }] });
  focusTrigger(mark.triggers.length - 1);
}

function quality(value) {
  typed();
  change({ quality: value });
}

function flag(value) {
  typed();
  change({ flagged: value });
}

// An input method has keys of its own, Enter among them.
const composing = (event) => event.isComposing || event.keyCode === 229;

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || composing(event)) return;
  if (event.target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select")) {
    if (event.key === "Escape") { event.target.blur(); focusTrigger(0); }
    return;
  }
  const ways = { n: next, u: undo, p: back };
  if (ways[event.key] && $("who").hidden) { ways[event.key](); event.preventDefault(); return; }
  if (!sample || $("sample").inert) return;
  const place = [...$("triggers").children].indexOf(document.activeElement.closest("#triggers > li"));
  const actions = {
    j: () => focusTrigger(place + 1), k: () => focusTrigger(place - 1),
    f: () => flag(!mark.flagged), c: () => $("comment").focus(), a: () => $("added").focus(),
  };
  if (place >= 0) Object.assign(actions, {
    y: () => decideAndGoOn(place, "kept"), x: () => decideAndGoOn(place, "removed"), e: () => edit(place),
    J: () => move(place, 1), K: () => move(place, -1),
    s: () => { const turns = $("triggers").children[place].querySelector("details"); if (turns) turns.open = !turns.open; },
  });
  if (/^[0-5]$/.test(event.key)) quality(Number(event.key));
  else if (actions[event.key]) actions[event.key]();
  else return;
  event.preventDefault();
}

// Who it is

function who(why = "") {
  sample = null;
  $("sample").hidden = $("finished").hidden = $("other").hidden = $("ways").hidden = true;
  $("who").hidden = false;
  $("progress").textContent = "";
  status(why, Boolean(why));
  $("name").focus();
}

function notMe() {
  return loading(async () => {
    rater = "";
    localStorage.removeItem("cfsa rater");
    who();
  });
}

function begin() {
  $("who").hidden = true;
  $("ways").hidden = false;
  return loading(async () => {
    try {
      if (!wanted()) return await showNext();
      await open(wanted());
      showProgress(await ask("/api/progress"));
    } catch (error) {
      if (error.status !== 404) throw error;
      await showNext();
    }
  });
}

for (let value = 0; value <= 5; value += 1) {
  const button = element("input", { type: "radio", name: "quality", value: String(value) });
  button.addEventListener("change", () => quality(value));
  const words = { 0: "0 useless", 5: "5 flawless" };
  $("quality").append(element("label", {}, button, words[value] ?? String(value)));
}
if (raters.length > 1) {
  const names = raters.map((name) => element("option", {}, name));
  $("name").replaceWith(element("select", { id: "name", required: true }, element("option", { value: "" }, "…"), ...names));
}
let pause = 0;
$("comment").addEventListener("input", () => {
  clearTimeout(pause);
  pause = setTimeout(typed, 700);
});
$("comment").addEventListener("change", typed);
document.addEventListener("input", () => { if (sample && typing()) tell(); });
$("triggers").addEventListener("mousedown", (event) => { // a press does not end an edit before it is done
  if (event.target.closest("button")) event.preventDefault();
});
$("add").addEventListener("submit", (event) => {
  event.preventDefault();
  addTrigger();
});
$("flagged").addEventListener("change", (event) => flag(event.target.checked));
$("next").addEventListener("click", next);
$("undo").addEventListener("click", undo);
$("back").addEventListener("click", back);
$("other").addEventListener("click", notMe);
addEventListener("hashchange", go);
document.addEventListener("keydown", onKey);
$("who").addEventListener("submit", (event) => {
  event.preventDefault();
  rater = $("name").value.trim();
  localStorage.setItem("cfsa rater", rater);
  begin();
});
if (rater) begin();
else who();
