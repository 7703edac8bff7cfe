"use strict";
// Filters the values, and returns from an enlarged figure to where the reader was. Without scripts all is shown.
const byId = (id) => document.getElementById(id);
const plain = (text) => text.toLowerCase().replaceAll("_", " ");

function startFilters(form) {
  const items = [...document.querySelectorAll("#overview .item")];
  const texts = new Map(items.map((item) => [item, plain(`${item.textContent} ${item.dataset.words}`)]));

  function filter() {
    const words = plain(byId("search").value).split(/\s+/).filter(Boolean);
    const chapter = byId("chapter").value;
    const verdict = byId("verdict").value;
    let shown = 0;
    for (const item of items) {
      const fits = (!chapter || item.dataset.chapter === chapter)
        && (!verdict || item.dataset.verdict === verdict)
        && words.every((word) => texts.get(item).includes(word));
      item.hidden = !fits;
      shown += fits;
    }
    const count = byId("count");
    count.textContent = count.dataset.words.replace("{shown}", shown).replace("{all}", items.length);
    byId("nothing").hidden = shown > 0;
  }

  form.hidden = false;
  form.addEventListener("input", filter);
  // The fields are empty only after the event is over.
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", () => form.reset());
  filter();
}
if (byId("filters")) startFilters(byId("filters"));

// A link to something that is folded unfolds it.
function unfold() {
  const target = byId(decodeURIComponent(location.hash.slice(1)));
  const folded = target?.closest("details:not([open])") ?? (target?.id === "values" && byId("all-values"));
  if (folded) folded.open = true;
}
unfold();

// An enlarged figure is one that the address names. Escape and Enter close it, and leave the page where it was.
let place = 0;
let opener = null;
const enlarged = () => document.querySelector(".enlarge:target");
document.addEventListener("click", (event) => {
  const link = event.target.closest(".enlarge, .close");
  if (!link) return;
  if (link.className === "enlarge" && link !== enlarged()) {
    place = scrollY;
    opener = link;
  } else if (opener) {
    event.preventDefault();
    closeFigure();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && enlarged()) closeFigure();
});
function closeFigure() {
  const link = opener || enlarged();
  const back = place;
  location.hash = link.nextElementSibling.getAttribute("href");
  link.focus({ preventScroll: true });
  if (opener) requestAnimationFrame(() => scrollTo({ top: back }));
  opener = null;
}
window.addEventListener("hashchange", unfold);

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

// A table that stacks on a phone loses its display, and in some browsers with it what it is.
const roles = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TFOOT: "rowgroup", TR: "row", TD: "cell" };
for (const part of document.querySelectorAll("#overview, #overview *, .stack, .stack *")) {
  const role = part.tagName === "TH" ? (part.scope === "col" ? "columnheader" : "rowheader") : roles[part.tagName];
  if (role) part.setAttribute("role", role);
}

// Details cannot be opened on paper, so printing opens them.
const details = [...document.querySelectorAll("details")];
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = details.filter((element) => !element.open);
  opened.forEach((element) => { element.open = true; });
});
window.addEventListener("afterprint", () => opened.forEach((element) => { element.open = false; }));
