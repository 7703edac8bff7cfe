"use strict";
// Filters the values and the chapters. Without scripts everything is shown, and the form stays hidden.
const byId = (id) => document.getElementById(id);
const form = byId("filters");
const items = [...document.querySelectorAll(".item")];
const plain = (text) => text.toLowerCase().replaceAll("_", " ");
const texts = new Map(items.map((item) => [item, plain(`${item.textContent} ${item.dataset.words || ""}`)]));

function filter() {
  const words = plain(byId("search").value).split(/\s+/).filter(Boolean);
  const chapter = byId("chapter").value;
  const verdict = byId("verdict").value;
  let values = 0;
  let shown = 0;
  for (const item of items) {
    const fits = (!chapter || item.dataset.chapter === chapter)
      && (!verdict || item.dataset.verdict === verdict)
      && words.every((word) => texts.get(item).includes(word));
    item.hidden = !fits;
    shown += fits;
    values += fits && item.tagName === "TR";
  }
  const all = items.filter((item) => item.tagName === "TR").length;
  byId("count").textContent = `${values} of ${all} values`;
  byId("nothing").hidden = shown > 0;
}

function reset() {
  form.reset();
  // The fields are empty only after the event is over.
  setTimeout(filter);
}

form.hidden = false;
form.addEventListener("input", filter);
form.addEventListener("reset", () => setTimeout(filter));
form.addEventListener("submit", (event) => event.preventDefault());
byId("clear").addEventListener("click", reset);

// A link to a chapter that the filter hides clears the filter, so that it leads somewhere.
function reveal(hash) {
  const target = byId(hash.slice(1));
  if (target && target.hidden) {
    form.reset();
    filter();
    target.scrollIntoView();
  }
}
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (link) reveal(link.getAttribute("href"));
});
window.addEventListener("hashchange", () => reveal(location.hash));

// A table that is too wide can be focused, so that the keyboard can scroll it; one that fits is no tab stop.
function nameScrolling() {
  for (const box of document.querySelectorAll(".scroll")) {
    if (box.scrollWidth > box.clientWidth) {
      box.tabIndex = 0;
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", box.querySelector("caption").textContent);
    }
  }
}
nameScrolling();
window.addEventListener("resize", nameScrolling);
document.addEventListener("toggle", nameScrolling, true);

// Details cannot be opened on paper, so printing opens them.
const details = [...document.querySelectorAll("details")];
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = details.filter((element) => !element.open);
  opened.forEach((element) => { element.open = true; });
});
window.addEventListener("afterprint", () => opened.forEach((element) => { element.open = false; }));

filter();
