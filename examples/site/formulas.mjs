// Writes examples/docs/formulas.json: the formulas of the pages in MathML. Run it after a formula has changed:
//     npm install --no-save --prefix ../temml temml && NODE_PATH=../temml/node_modules node examples/site/formulas.mjs
import { createRequire } from "node:module";
import { readFileSync, writeFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const temml = createRequire(join(process.env.NODE_PATH ?? ".", "anywhere.js"))("temml");
const docs = join(dirname(fileURLToPath(import.meta.url)), "..", "docs");
const formulas = {};

for (const name of readdirSync(docs).filter(name => /\.(md|fsx)$/.test(name)).sort()) {
    // Code is not prose: neither blocks nor spans of it.
    const text = readFileSync(join(docs, name), "utf8").replace(/^```.*?^```/gms, "").replace(/`[^`\n]*`/g, "");
    const prose = name.endsWith(".fsx") ? [...text.matchAll(/^\(\*\*\n(.*?)^\*\)/gms)].map(found => found[1]).join("\n") : text;

    for (const [, display, inline] of prose.matchAll(/\$\$(.+?)\$\$|\$([^$\n]+)\$/gs)) {
        const [kind, tex] = display ? ["display", display.trim()] : ["inline", inline.trim()];
        formulas[`${kind} ${tex}`] = temml.renderToString(tex, { displayMode: kind === "display", throwOnError: true });
    }
}

writeFileSync(join(docs, "formulas.json"), JSON.stringify(formulas, null, 2) + "\n");
