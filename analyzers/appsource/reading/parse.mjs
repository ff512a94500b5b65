// Parses JavaScript and TypeScript for the reader of routes: node parse.mjs PARSER
// One JSON line in ({name, text}), one out ({tree} or {error, line}): names and positions that the
// reader uses, nothing else. A file that ends this process costs itself; the reader starts it anew.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { parse } = await import(pathToFileURL(process.argv[2]).href).then((one) => one.default ?? one);
const LEFT_OUT = new Set([
  "start", "end", "loc", "range", "extra", "errors", "comments", "tokens", "leadingComments",
  "trailingComments", "innerComments", "interpreter", "directives", "typeParameters", "returnType",
  "predicate", "assertions", "attributes", "optional", "definite", "accessibility", "readonly",
]);
const POSITIONED = /Function|Method|^Class|Call|^New|Object(Expression|Property)|Tagged/;
const JSX = /^JSX/;

function options(name) {
  const plugins = ["decorators-legacy", "explicitResourceManagement"];
  if (/\.[cm]?tsx?$/.test(name)) plugins.push("typescript");
  else plugins.push("flow");
  if (!/\.[cm]?ts$/.test(name)) plugins.push("jsx");
  return {
    sourceType: "unambiguous", errorRecovery: true, allowReturnOutsideFunction: true,
    allowAwaitOutsideFunction: true, allowImportExportEverywhere: true, allowNewTargetOutsideFunction: true,
    allowSuperOutsideMethod: true, allowUndeclaredExports: true, plugins,
  };
}

function reduced(node) {
  if (Array.isArray(node)) return node.map(reduced);
  if (node === null || typeof node !== "object") return typeof node === "bigint" ? String(node) : node;
  if (JSX.test(node.type ?? "")) return { type: "JSX" };
  const kept = {};
  for (const key of Object.keys(node)) if (!LEFT_OUT.has(key)) kept[key] = reduced(node[key]);
  if (node.loc) kept.line = node.loc.start.line;
  if (node.type && POSITIONED.test(node.type)) { kept.s = node.start; kept.e = node.end; }
  return kept;
}

function answer(line) {
  const { name, text } = JSON.parse(line);
  try {
    return JSON.stringify({ tree: reduced(parse(text, options(name)).program.body) });
  } catch (error) {
    return JSON.stringify({ error: String(error.message ?? error).slice(0, 200), line: error.loc?.line });
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  process.stdout.write(answer(line) + "\n");
}
