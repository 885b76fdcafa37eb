// Filters, and wide tables that the keyboard can scroll. The page is complete without this.
const filters = document.getElementById("filters");
if (filters) {
  const field = (name) => document.getElementById(name);
  const items = [...document.querySelectorAll("[data-filter]")];
  const update = () => {
    const wanted = field("filter").value.trim().toLowerCase();
    const chosen = ["family", "source", "status"].map((key) => [key, field("filter-" + key).value]);
    for (const item of items) {
      const fits = ([key, value]) => !value || !(key in item.dataset) || item.dataset[key] === value;
      item.hidden = !(item.dataset.filter.toLowerCase().includes(wanted) && chosen.every(fits));
    }
    const rows = items.filter((item) => item.closest("#overview"));
    for (const heading of document.querySelectorAll("[data-heading]")) {
      heading.hidden = !rows.some((row) => !row.hidden && row.dataset.family === heading.dataset.heading);
    }
    const count = rows.filter((row) => !row.hidden).length;
    field("filter-count").textContent = count === rows.length ? "" : `${count} of ${rows.length} claims`;
  };
  filters.hidden = false;
  for (const event of ["input", "change"]) filters.addEventListener(event, update);
  filters.addEventListener("submit", (event) => event.preventDefault());
  update();
}
// What scrolls sideways can be reached by the keyboard, and shows by its edge that there is more.
const boxes = [...document.querySelectorAll(".scroll, .formula, .statement, figure.broad")];
const edge = (box) => box.classList.toggle("more", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
const measure = (box) => {
  if (box.scrollWidth > box.clientWidth && !box.hasAttribute("tabindex")) {
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", box.querySelector("caption, figcaption")?.textContent ?? "A formula");
  }
  edge(box);
};
for (const box of boxes) box.addEventListener("scroll", () => edge(box), { passive: true });
const sizes = new ResizeObserver((entries) => { for (const entry of entries) measure(entry.target); });
for (const box of boxes) { measure(box); sizes.observe(box); }
// A link to or into something folded opens it. Paper shows what is open: with ?all in the address, everything.
const open = () => {
  const target = document.getElementById(location.hash.slice(1));
  for (let box = target?.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  target?.scrollIntoView();
};
addEventListener("hashchange", open);
const folded = [...document.querySelectorAll("main details")];
const all = (value) => { for (const box of folded) box.open = value; };
const everything = () => { all(true); document.documentElement.classList.add("all"); };
if (folded.length) for (const [name, value] of [["unfold", true], ["fold", false]]) {
  const button = document.getElementById(name);
  button.hidden = false;
  button.addEventListener("click", () => all(value));
}
// Code can be copied by a button.
for (const box of document.querySelectorAll("main pre:not(.source) > code")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.className = "copy";
  button.addEventListener("click", () => navigator.clipboard.writeText(box.textContent).then(() => {
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  }));
  box.parentElement.before(button);
}
const print_ = document.getElementById("print-all");
print_.hidden = false;
print_.addEventListener("click", () => { everything(); print(); });
if (new URLSearchParams(location.search).has("all")) everything();
open();
