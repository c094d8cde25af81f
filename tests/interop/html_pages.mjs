// Opens pages in headless Chromium and says, as JSON, what a reader would meet: at each width and in each theme what axe
// objects to, what overflows, what the console says and what was asked for. Needs no network.
//
// usage: html_pages.mjs NODE_MODULES_PARENT CHROMIUM [--pictures FOLDER] PAGE...
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const WIDTHS = [390, 800, 1400];
const THEMES = ["light", "dark"];
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const [tools, chromium, ...rest] = process.argv.slice(2);
const folder = rest[0] === "--pictures" ? rest.splice(0, 2)[1] : undefined;
if (!tools || !chromium || rest.length === 0) {
  console.error("usage: html_pages.mjs NODE_MODULES_PARENT CHROMIUM [--pictures FOLDER] PAGE...");
  process.exit(2);
}
const load = createRequire(resolve(tools, "package.json"));
const puppeteer = load("puppeteer-core");
const axe = load("axe-core");

const browser = await puppeteer.launch({
  executablePath: chromium,
  headless: true,
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb"],
});

// What the page itself says about its form, which no width changes.
const facts = () => {
  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((h) => Number(h.tagName[1]));
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  const targets = [...document.querySelectorAll('a[href^="#"]')].map((a) => a.getAttribute("href").slice(1));
  const links = [...document.querySelectorAll("a[href]")].map((a) => a.getAttribute("href"));
  return {
    title: document.title,
    scripts: document.scripts.length,
    handlers: [...document.querySelectorAll("*")].filter((e) => [...e.attributes].some((a) => a.name.startsWith("on"))).length,
    images: document.images.length,
    headings,
    ids,
    dangling: targets.filter((target) => !document.getElementById(target)),
    outside: links.filter((link) => !link.startsWith("#")),
    alerted: "alerted" in window,
    text: document.body.innerText,
  };
};

const looked = async (path) => {
  const address = pathToFileURL(resolve(path)).href;
  const said = [];
  const asked = [];
  const views = [];
  let form;
  for (const theme of THEMES) {
    for (const width of WIDTHS) {
      const page = await browser.newPage();
      page.on("console", (message) => said.push(message.text()));
      page.on("pageerror", (error) => said.push(String(error)));
      page.on("request", (request) => request.url() === address || asked.push(request.url()));
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
      await page.setViewport({ width, height: 900, deviceScaleFactor: 1 });
      await page.goto(address, { waitUntil: "load" });
      if (folder) {
        const picture = join(folder, `${basename(path, ".html")}-${width}-${theme}.png`);
        await page.screenshot({ path: picture, fullPage: true });
      }
      form ??= await page.evaluate(facts);
      // Of the page, and of what would be cut off at its parent's edge. Source lines may be scrolled.
      const overflow = () => {
        const boxes = [...document.querySelectorAll("body *")].filter((e) => {
          const style = getComputedStyle(e);
          return style.overflowX !== "visible" && style.clipPath === "none" && e.tagName !== "PRE" && e.tagName !== "svg";
        });
        return Math.max(...[document.documentElement, ...boxes].map((e) => e.scrollWidth - e.clientWidth));
      };
      const folded = await page.evaluate(overflow);
      // What is folded counts as well.
      await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
      await page.evaluate(axe.source);
      const result = await page.evaluate((values) => axe.run(document, { runOnly: { type: "tag", values } }), RULES);
      const violations = result.violations.flatMap((rule) =>
        rule.nodes.map((node) => `${rule.id}: ${node.failureSummary} ${node.html.slice(0, 200)}`),
      );
      const contrast = result.passes.find((rule) => rule.id === "color-contrast")?.nodes.length ?? 0;
      views.push({ theme, width, overflow: Math.max(folded, await page.evaluate(overflow)), violations, contrast });
      await page.close();
    }
  }
  return { page: basename(path), said, asked, form, views };
};

const answer = [];
for (const path of rest) answer.push(await looked(path));
await browser.close();
process.stdout.write(JSON.stringify(answer));
