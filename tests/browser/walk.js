// Goes through all rows of a panel as fast as it answers, and looks at all that it shows: for markup,
// for event handlers, for what controls a terminal, and for what turns the direction of a text.

async ([active, tabs]) => {
  globalThis.hacked = () => { document.title = "hacked"; };
  const root = document.querySelector(".astra-console");
  const find = (selector) => root.querySelector(selector);
  const control = new RegExp(active);
  const until = async (what, test) => {
    for (let at = 0; at < 3000; at += 1) {
      if (test()) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`waited for ${what}`);
  };
  const wrong = new Set();
  const look = (where) => {
    if (find("script, img, iframe, style, math, a, object, embed, form")) wrong.add(`${where}: markup`);
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) if (control.test(texts.currentNode.data)) wrong.add(`${where}: ${JSON.stringify(texts.currentNode.data.slice(0, 80))}`);
    for (const element of root.querySelectorAll("*")) {
      for (const { name, value } of element.attributes) {
        if (control.test(value) || name.startsWith("on")) wrong.add(`${where}: attribute ${name}`);
      }
    }
    if (document.title === "hacked") wrong.add(`${where}: acted on`);
  };
  const press = (key) => find(".astra-rows").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const shows = (number) => until(`record ${number}`, () => find(".astra-title").textContent.startsWith(`${number} `)
    && !find(".astra-inspector-body").hasAttribute("aria-busy"));
  const last = Number(find(".astra-rows").getAttribute("aria-rowcount")) - 1;
  let seen = 0;
  press("Home");
  for (let number = 1; number <= last; number += 1, press("j")) {
    await shows(number);
    look(`row ${number}`);
    for (const tab of tabs) {
      const button = find(`.astra-inspector [data-tab="${tab}"]`);
      if (button.hidden) continue;
      button.click();
      if (tab !== "Payload") look(`${tab} of ${number}`);
      else {
        for (const form of root.querySelectorAll(".astra-inspector-title .astra-seg button")) {
          form.click();
          await until(`${form.textContent} of ${number}`, () => form.getAttribute("aria-pressed") === "true");
          look(`${form.textContent} of ${number}`);
        }
      }
    }
    seen += 1;
  }
  return [seen, [...wrong]];
}
