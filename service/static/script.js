// The page works without this. It fetches the same pages and puts what changed into place, without a reload;
// and it copies, remembers, adds and removes, which take a script. Text of a document is only ever set as text.
"use strict";

const find = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Storage throws where it is switched off; the page then forgets, and all else works.
const stored = {
  get(key, otherwise) {
    try { return JSON.parse(localStorage.getItem(`pincite.${key}`)) ?? otherwise; } catch { return otherwise; }
  },
  set(key, value) {
    try { localStorage.setItem(`pincite.${key}`, JSON.stringify(value)); } catch { /* forgotten */ }
  },
};

let address = location.pathname + location.search; // of what is shown
let loading = null;
let hiding = 0;

// Say something to a screen reader and, where `seen`, to everyone.
function tell(text, seen = false) {
  const status = find("#announce");
  clearTimeout(hiding);
  status.className = seen ? "seen" : "unseen";
  status.textContent = text;
  if (seen) hiding = setTimeout(() => { status.className = "unseen"; }, 5000);
}

function send(request, method, url, body, headers = {}) {
  return new Promise((resolve, reject) => {
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.onload = () => resolve(request);
    request.onerror = () => reject(new Error("The server does not answer. Is it still running?"));
    request.send(body);
  });
}

// Fetch a page, parsed; a later one takes the place of one still on its way, which then never resolves.
async function load(url) {
  loading?.abort();
  const request = loading = new XMLHttpRequest();
  request.responseType = "document";
  document.body.classList.add("busy");
  try {
    await send(request, "GET", url);
  } finally {
    if (loading === request) document.body.classList.remove("busy");
  }
  if (request.status === 401) location.assign(`/login?${new URLSearchParams({ to: url })}`);
  if (!request.response || !find("#main", request.response)) {
    throw new Error(request.status === 503 || request.status === 429 ? "Too busy just now. Ask again in a moment." : "That did not work. Try again.");
  }
  return request.response;
}

// Take an element of a fetched page. `autofocus` is for those who arrive without a script.
function take(page, selector) {
  const element = document.adoptNode(find(selector, page));
  all("[autofocus]", element).forEach((each) => { if (!each.closest("dialog")) each.removeAttribute("autofocus"); });
  return element;
}

async function go(url, { push = true } = {}) {
  const target = new URL(url, location);
  try {
    const page = await load(target.pathname + target.search);
    const [question, asked] = [find("#q"), find("#q", page)];
    if (question && asked) {
      find("#scope").replaceWith(take(page, "#scope"));
      question.value = asked.value;
    }
    find("#main").replaceWith(take(page, "#main"));
    document.title = page.title;
    address = target.pathname + target.search;
    if (push) history.pushState(null, "", target);
    scrollTo(0, 0);
    arrive();
  } catch (error) {
    tell(error.message, true);
  }
}

// Whatever is shown now: remember it, say it, scroll to it, list what was asked before.
function arrive() {
  const answer = find("#answer");
  if (answer) {
    const question = find("#q").value.trim();
    stored.set("asked", [question, ...stored.get("asked", []).filter((each) => each !== question)].slice(0, 20));
    tell([find(".prose", answer), find(":scope > .status", answer)].map((each) => each.textContent.replace(/\s+/g, " ").trim()).join(" "));
    current(find("[aria-current]", answer)?.dataset.number);
    scrollToSpan();
  }
  listAsked();
  const keys = find("#single-keys");
  if (keys) keys.checked = stored.get("keys", true);
}

function listAsked() {
  const section = find("#recent");
  if (!section) return;
  const asked = stored.get("asked", []).slice(0, 6);
  section.hidden = !asked.length;
  find("ul", section).replaceChildren(...asked.map((question) => {
    const [item, link] = [document.createElement("li"), document.createElement("a")];
    link.href = `/?${new URLSearchParams({ q: question })}`;
    link.textContent = question;
    item.append(link);
    return item;
  }));
}

// Citations and the source beside them.

const stacked = () => matchMedia("(max-width: 59.99rem)").matches;

function scrollToSpan(mark = find("#span-1")) {
  const text = mark?.closest(".asked .text");
  if (!text) return;
  const above = mark.getBoundingClientRect().top - text.getBoundingClientRect().top;
  text.scrollTop += above - text.clientHeight / 4;
}

function current(number) {
  for (const each of all("[data-number]", find("#answer"))) {
    each.classList.toggle("current", each.dataset.number === number);
    if (each.matches(".citation")) each.toggleAttribute("aria-current", each.dataset.number === number);
    if (each.matches("[aria-current]")) each.setAttribute("aria-current", "true");
  }
}

async function openSource(link) {
  try {
    const page = await load(link.pathname + link.search);
    const source = find("#source", page) && take(page, "#source");
    if (!source) throw new Error(find(".notice p", page)?.textContent ?? "The source could not be opened.");
    const old = find("#source");
    old ? old.replaceWith(source) : find("#main").append(source);
    find(".text", source).tabIndex = 0;
    if (link.dataset.number) {
      current(link.dataset.number);
      const url = new URL(location);
      url.searchParams.set("open", link.dataset.number);
      url.hash = "";
      history.replaceState(null, "", url);
      address = url.pathname + url.search;
    }
    if (stacked()) source.scrollIntoView();
    scrollToSpan();
    tell(`Source: ${find("h2", source).textContent} ${find(".spots", source)?.textContent ?? ""}`.replace(/\s+/g, " "));
  } catch (error) {
    tell(error.message, true);
  }
}

function closeSource() {
  const source = find(".asked #source");
  if (!source) return;
  const number = find(".citation[aria-current]")?.dataset.number;
  const back = number && find(`.ref.open[data-number="${number}"]`);
  source.remove();
  if (find("#answer")) current(undefined);
  back ? back.focus() : find("#answer .open")?.focus();
}

function openNumber(number) {
  const link = find(`.citation .place[data-number="${number}"]`);
  if (link) openSource(link);
  return Boolean(link);
}

function step(by) {
  const count = all(".citation").length;
  const at = Number(find(".citation[aria-current]")?.dataset.number ?? (by > 0 ? 0 : count + 1));
  return openNumber(Math.min(Math.max(at + by, 1), count));
}

// Copying.

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // no clipboard on a page that is neither local nor encrypted
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const label = button.textContent;
  button.textContent = "Copied";
  tell("Copied");
  setTimeout(() => { button.textContent = label; }, 1500);
}

// What people say of an answer.

async function judge(form, submitter) {
  const request = new XMLHttpRequest();
  const said = new FormData(form, submitter);
  request.responseType = "document";
  submitter.disabled = true;
  try {
    await send(request, "POST", form.action, said);
    const thanks = request.response && find("#feedback", request.response);
    if (request.status >= 300 || !thanks) throw new Error(find(".notice p", request.response ?? form)?.textContent ?? "That could not be kept.");
    find("#feedback").replaceWith(take(request.response, "#feedback"));
    tell(find("#feedback").textContent.trim());
  } catch (error) {
    submitter.disabled = false;
    tell(error.message, true);
  }
}

// Adding and removing documents.

async function refreshDocuments() {
  const page = await load("/");
  for (const selector of ["#listed", "#examples"]) find(selector)?.replaceWith(take(page, selector));
}

function read(request) {
  try { return JSON.parse(request.responseText); } catch { return {}; }
}

// Follow a job to its end, the bar along with it. Returns what went wrong, "" for nothing.
async function follow(address, bar) {
  for (;;) {
    await new Promise((resolve) => { setTimeout(resolve, 300); });
    const request = new XMLHttpRequest();
    await send(request, "GET", address);
    const job = read(request);
    if (job.status === "done") return "";
    if (job.status === "failed") return job.problem.detail;
    if (job.status !== "queued" && job.status !== "running") return job.detail ?? "The service was stopped meanwhile. Add it again.";
    if (job.total) bar.value = job.done / job.total;
  }
}

async function addFile(file) {
  const item = document.createElement("li");
  const [name, bar, outcome] = ["span", "progress", "span"].map((tag) => item.appendChild(document.createElement(tag)));
  name.textContent = file.name;
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Adding ${file.name}`);
  outcome.className = "outcome";
  outcome.textContent = "Sending";
  find("#uploads").append(item);
  const request = new XMLHttpRequest();
  request.upload.onprogress = (event) => { if (event.lengthComputable) bar.value = event.loaded / event.total; };
  request.upload.onload = () => { bar.removeAttribute("value"); outcome.textContent = "Reading and indexing"; };
  const form = new FormData();
  form.append("file", file);
  let failure = "";
  try {
    await send(request, "POST", "/v1/documents", form, { Prefer: "respond-async" });
    if (request.status >= 300) failure = read(request).detail || "It could not be added.";
    else if (request.status === 202) failure = await follow(request.getResponseHeader("Location"), bar);
  } catch (error) {
    failure = error.message;
  }
  bar.remove();
  outcome.textContent = failure || "Added";
  outcome.classList.toggle("failed", Boolean(failure));
  tell(`${file.name}: ${outcome.textContent}`);
  if (!failure) await refreshDocuments();
}

async function addFiles(files) {
  if (!find("#uploads")) await go("/");
  find("#uploads")?.scrollIntoView({ block: "nearest" });
  for (const file of files) await addFile(file); // one after the other: the index has one writer
}

function askToRemove(button) {
  const dialog = find("#confirm");
  find("cite", dialog).textContent = button.dataset.title;
  dialog.returnValue = "keep";
  dialog.onclose = () => { if (dialog.returnValue === "remove") remove(button); };
  dialog.showModal();
}

async function remove(button) {
  button.disabled = true;
  try {
    const request = new XMLHttpRequest();
    await send(request, "DELETE", `/v1/documents/${encodeURIComponent(button.dataset.document)}`);
    if (request.status >= 300 && request.status !== 404) throw new Error(read(request).detail || "It could not be removed.");
    await refreshDocuments();
    tell(`Removed ${button.dataset.title}`, true);
    find("#documents").focus();
  } catch (error) {
    button.disabled = false;
    tell(error.message, true);
  }
}

// What people do.

document.addEventListener("submit", (event) => {
  if (event.target.matches("#feedback form")) {
    event.preventDefault();
    judge(event.target, event.submitter);
  }
  if (event.target.id !== "ask") return;
  event.preventDefault();
  if (find("#q").value.trim()) go(`/?${new URLSearchParams(new FormData(event.target))}`);
});

document.addEventListener("click", (event) => {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const hit = event.target.closest("a, button, .quoted");
  if (!hit) return;
  if (hit.matches(".asked a.open")) {
    event.preventDefault();
    openSource(hit);
  } else if (hit.matches('a[href^="/?"]')) {
    event.preventDefault();
    go(hit.href);
  } else if (hit.matches('.asked a[href^="#span"]')) {
    event.preventDefault();
    scrollToSpan(find(hit.hash));
  } else if (hit.matches(".quoted") && getSelection().isCollapsed) openNumber(hit.dataset.number);
  else if (hit.matches(".close")) closeSource();
  else if (hit.matches("[data-copy]")) copy(hit, `${hit.dataset.copy}\n${find(".place", hit.parentElement).href}`);
  else if (hit.matches("[data-copy-link]")) copy(hit, new URL(hit.dataset.copyLink, location).href);
  else if (hit.matches(".remove")) askToRemove(hit);
  else if (hit.matches("#forget")) {
    stored.set("asked", []);
    listAsked();
    find("#q").focus();
  }
});

document.addEventListener("change", (event) => {
  if (event.target.id === "single-keys") stored.set("keys", event.target.checked);
  if (event.target.id === "files") {
    addFiles([...event.target.files]);
    event.target.value = "";
  }
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest("textarea, input:not([type=checkbox]), select, dialog");
  let done = true;
  if (event.key === "Enter" && event.target.id === "q" && !event.shiftKey) event.target.form.requestSubmit();
  else if (event.key === "Escape" && event.target.id === "q") event.target.blur();
  else if (event.key === "Escape" && !typing) closeSource();
  else if (typing || !stored.get("keys", true)) done = false;
  else if (event.key === "/" && find("#q")) find("#q").select();
  else if (/^[1-9]$/.test(event.key)) done = openNumber(event.key);
  else if (event.key === "ArrowRight" && find(".citation")) step(1);
  else if (event.key === "ArrowLeft" && find(".citation")) step(-1);
  else done = false;
  if (done) event.preventDefault();
});

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

document.addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});

document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});

document.addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  document.body.classList.remove("dropping");
  addFiles([...event.dataTransfer.files]);
});

addEventListener("popstate", () => {
  if (location.pathname + location.search !== address) go(location.href, { push: false });
});

arrive();
